package coordination

import (
	"context"
	"sync"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/trace"
)

// maxTraced is how many sessions are remembered with their traces.
const maxTraced = 4096

// traced remembers for the sessions that this replica has heard of lately in which trace they are: questions to members are effects of
// the log, which does not hold what is of no account for its state. A replica that has heard neither of the start of a session nor of
// an answer to it, or too long ago, asks outside of the trace.
type traced struct {
	mu      sync.Mutex
	parents map[string]string
	ring    [maxTraced]string // the sessions, in the order in which they came
	next    int
}

// note remembers the trace of a session; that of its start comes before those of answers to it.
func (t *traced) note(session, parent string) {
	if parent == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.parents[session]; known {
		return
	}
	if t.parents == nil {
		t.parents = map[string]string{}
	}
	delete(t.parents, t.ring[t.next])
	t.ring[t.next], t.parents[session] = session, parent
	t.next = (t.next + 1) % maxTraced
}

// asking begins the span of the questions of a round, in the trace of the session.
func (t *traced) asking(ctx context.Context, r *api.SessionRound, session string) (context.Context, trace.Span) {
	t.mu.Lock()
	parent := t.parents[session]
	t.mu.Unlock()
	ctx, span := trace.StartWithin(trace.Remote(ctx, parent), trace.Producer, "ask session members")
	span.Text(trace.Session, session)
	span.Number(trace.Round, int64(r.Number))
	return ctx, span
}
