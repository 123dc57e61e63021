package replog

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
)

// CatchUp waits until this replica has applied all that was in the log when it was called, as the stream's leader has it: what was
// acknowledged before, by whatever replica, is then seen by Read. It is for those who would otherwise say that something is not there.
// The error is unavailable when the leader does not answer, and as that of Read when ctx ends first.
func (l *Log[S]) CatchUp(ctx context.Context) error {
	info, err := l.store.info(ctx)
	if err != nil {
		return api.Errorf(api.Unavailable, "the end of log %s cannot be read now, try again: %v", l.cfg.Realm, err).WithReason(api.ReasonDependencyDown)
	}
	return l.waitFor(ctx, info.State.LastSeq)
}
