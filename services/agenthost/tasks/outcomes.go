package tasks

import (
	"sync/atomic"

	"github.com/mabus-project/mabus/shared/api"
)

// outcomes counts what became of tasks that this host has worked on.
type outcomes struct{ succeeded, failed, cancelled, retried atomic.Uint64 }

func (o *outcomes) ended(s api.TaskStatus) {
	switch s {
	case api.TaskSucceeded:
		o.succeeded.Add(1)
	case api.TaskCancelled:
		o.cancelled.Add(1)
	default:
		o.failed.Add(1)
	}
}

// Outcomes returns how many tasks have come to each outcome here since the host started, and how many attempts will be made again
// (retried).
func (p *Puller) Outcomes() map[string]uint64 {
	o := &p.outcomes
	return map[string]uint64{
		string(api.TaskSucceeded): o.succeeded.Load(), string(api.TaskFailed): o.failed.Load(), string(api.TaskCancelled): o.cancelled.Load(),
		"retried": o.retried.Load(),
	}
}
