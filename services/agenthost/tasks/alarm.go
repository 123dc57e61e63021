package tasks

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// alarms settles tasks whose deadline has passed, whether or not anybody has pulled them.
func (p *Puller) alarms(ctx context.Context) {
	q := p.store.newQueue("deadlines", p.store.ns+".deadline."+due+".*.*")
	defer q.close()
	for opened := false; ctx.Err() == nil; {
		got, err := 0, error(nil)
		if !opened {
			err = q.open(ctx)
			opened = err == nil
		}
		if err == nil {
			if got, err = q.pull(maxPull, func(msg *nats.Msg) { p.hear(ctx, msg) }); err != nil {
				opened = false
			}
		}
		if err != nil && ctx.Err() == nil {
			p.log.Warn().Err(err).Msg("task alarms")
		}
		if got < maxPull {
			sleep(ctx, idlePoll, nil)
		}
	}
}

func (p *Puller) hear(ctx context.Context, msg *nats.Msg) {
	ack := ackDone
	if tokens := strings.Split(msg.Subject, "."); len(tokens) == 5 { // <namespace>.deadline.due.<id>.<hash>
		if err := p.ring(ctx, tokens[3], tokens[4]); err != nil {
			ack = ackLater
			if ctx.Err() == nil {
				p.log.Warn().Err(err).Str("task", tokens[3]).Msg("task alarm")
			}
		}
	}
	_ = p.store.conn.JS.Conn().Publish(msg.Reply, []byte(ack))
}

func (p *Puller) ring(ctx context.Context, id, hash string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	rec, err := p.store.waiting(ctx, id)
	switch {
	case unreadable(err): // whoever pulls it finds that it is none
		return nil
	case rec == nil || err != nil:
		return err
	}
	// The alarm of another submission of this id is none. The time was the server's to tell, not this host's clock's.
	if rec.hash != hash {
		return nil
	}
	p.store.addLive(ctx, rec.task)
	if _, err := p.store.finish(ctx, missed(rec.task), "", rec.hash, rec.ref); err != nil {
		return err
	}
	p.store.running(ctx, id, true)
	p.store.forgetState(ctx, id)
	return p.store.takeOut(ctx, id)
}
