package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

const currentTime = 2 * time.Minute // for the copies of a stream to have what the first one has

// scheduleHeader is that of a message which is to be published at its time, and is gone then.
const scheduleHeader = "Nats-Schedule:"

// compare reads a restored stream and the file beside it. Each message of the stream must be in the file as it is, and what the stream
// lacks must be what its own bounds have dropped: a message that is too old, one of a subject that has as many later ones as it may, or the
// oldest of a stream that has no room for them. What was scheduled for a time that has passed is published as soon as the stream is there.
func (r *restore) compare(ctx context.Context, p *Part) error {
	i, err := r.current(ctx, p)
	if err != nil {
		return err
	}
	cfg, err := i.settings()
	if err != nil {
		return err
	}
	last := p.lastSeq()
	if i.State.Last < last || i.State.Last > last && !cfg.Schedules {
		return differs(p, "it ends with %d instead of %d", i.State.Last, p.lastSeq())
	}
	f, err := r.from.open(p.File)
	if err != nil {
		return err
	}
	defer f.Close()
	have := r.server.read(p.Stream, cfg, 0, i.State.Last)
	defer have.stop()
	c := comparison{part: p, settings: cfg, state: i.State, now: time.Now(), lacks: map[string]int{}}
	next, err := have.next(ctx)
	if err != nil {
		return err
	}
	err = p.read(ctx, f, r.from.in(p.File), func(e *entry) error {
		if next != nil && next.Seq == e.Seq {
			if next.digest() != e.digest() {
				return differs(p, "message %d is another one", e.Seq)
			}
			c.found(e)
			next, err = have.next(ctx)
			return err
		}
		if next != nil && next.Seq < e.Seq {
			return differs(p, "message %d is not in the back-up", next.Seq)
		}
		return c.missing(e)
	})
	for err == nil && next != nil && cfg.Schedules && next.Seq > last { // what has become due meanwhile
		c.found(next)
		next, err = have.next(ctx)
	}
	if err == nil && next != nil {
		err = differs(p, "message %d is not in the back-up", next.Seq)
	}
	if err == nil && cfg.Schedules {
		err = r.overtaken(ctx, &c)
	}
	if err == nil {
		err = c.end()
	}
	return err
}

// overtaken counts what has become due since the stream was looked at, and has taken the place of what was read of it.
func (r *restore) overtaken(ctx context.Context, c *comparison) error {
	for subject, n := range c.lacks {
		if int64(n) >= c.settings.PerKey {
			continue
		}
		e, err := r.server.get(ctx, c.part.Stream, map[string]any{"last_by_subj": subject})
		if err != nil {
			return err
		}
		if e != nil && e.Seq > c.state.Last {
			c.lacks[subject] = n + 1
		}
	}
	return nil
}

func differs(p *Part, format string, args ...any) error {
	return api.Errorf(api.FailedPrecondition, "%s is not what the back-up has: %s; restore it again", p.Stream, fmt.Sprintf(format, args...)).WithReason(ReasonDiffers)
}

// comparison explains what a restored stream lacks.
type comparison struct {
	part     *Part
	settings settings
	state    State
	now      time.Time
	any      bool           // a message was found
	newest   *entry         // of those that are missing before all others
	lacks    map[string]int // by subject, how many later messages there were of it, since the last one that is missing
}

func (c *comparison) found(e *entry) {
	c.any = true
	if n, ok := c.lacks[e.Subject]; ok {
		c.lacks[e.Subject] = n + 1
	}
}

// missing takes note of a message that the stream has not.
func (c *comparison) missing(e *entry) error {
	if c.settings.MaxAge > 0 && c.now.UnixNano()-e.Time > c.settings.MaxAge-int64(time.Minute) {
		return nil
	}
	if c.settings.Schedules && bytes.Contains(e.Header, []byte(scheduleHeader)) {
		return nil
	}
	if c.settings.PerKey > 0 {
		c.lacks[e.Subject] = 0
		return nil
	}
	if c.settings.Discard == "old" && !c.any {
		c.newest = e
		return nil
	}
	return differs(c.part, "message %d is missing", e.Seq)
}

// perMessage is what a stream needs for a message beside its subject, header and body, at most, in bytes.
const perMessage = 64

// dropped tells whether the newest of the oldest that are missing had no room.
func (c *comparison) dropped() bool {
	size := uint64(len(c.newest.Subject) + len(c.newest.Header) + len(c.newest.Data) + perMessage)
	return c.settings.MaxMsgs > 0 && c.state.Messages >= uint64(c.settings.MaxMsgs) || c.settings.MaxBytes > 0 && c.state.Bytes+size >= uint64(c.settings.MaxBytes)
}

func (c *comparison) end() error {
	if c.newest != nil && !c.dropped() {
		return differs(c.part, "message %d and those before it are missing", c.newest.Seq)
	}
	for subject, n := range c.lacks {
		if int64(n) < c.settings.PerKey {
			return differs(c.part, "a message of %s is missing, and only %d come after it", subject, n)
		}
	}
	return nil
}

// current waits until every copy of a stream has what its leader has, and its consumers are there, which a cluster makes afterwards.
func (r *restore) current(ctx context.Context, p *Part) (*info, error) {
	ctx, cancel := context.WithTimeout(ctx, currentTime)
	defer cancel()
	for {
		i, err := r.server.stream(ctx, p.Stream)
		if err == nil && i == nil {
			err = fmt.Errorf("%s: %w", p.Stream, errVanish)
		}
		if err == nil && i.isCurrent() {
			list, err := r.server.consumers(ctx, p.Stream)
			if err == nil && len(list) >= len(p.Consumers) {
				return i, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("the copies of %s do not catch up, or lack a consumer", p.Stream), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (i *info) isCurrent() bool {
	if i.Cluster == nil {
		return true
	}
	if i.Cluster.Leader == "" {
		return false
	}
	for _, c := range i.Cluster.Replicas {
		if !c.Current {
			return false
		}
	}
	return true
}
