package tasks

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// alarms settles tasks whose deadline has passed, whether or not anybody has pulled them.
func (p *Puller) alarms(ctx context.Context) {
	q := p.store.newQueue("deadlines", p.store.ns+".deadline.due.*")
	defer q.close()
	for opened := false; ctx.Err() == nil; sleep(ctx, idlePoll, nil) {
		if !opened {
			if err := q.open(ctx); err != nil {
				logUnlessOver(ctx, p.log, err)
				continue
			}
			opened = true
		}
		if err := q.ask(maxPull); err != nil {
			logUnlessOver(ctx, p.log, err)
			continue
		}
		_, err := q.take(maxPull, func(msg *nats.Msg) {
			ack := "+ACK"
			if err := p.ring(ctx, msg.Subject[len(p.store.ns+".deadline.due."):]); err != nil {
				logUnlessOver(ctx, p.log, err)
				ack = "-NAK"
			}
			_ = p.store.conn.NC.Publish(msg.Reply, []byte(ack))
		})
		if err != nil {
			logUnlessOver(ctx, p.log, err)
			opened = false
		}
	}
}

func (p *Puller) ring(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	t, hash, err := p.store.waiting(ctx, id)
	if t == nil || err != nil {
		return err
	}
	if _, err := p.store.finish(ctx, missed(t), hash); err != nil {
		return err
	}
	p.store.running(ctx, id, true)
	return p.store.clear(ctx, p.store.anyTask(id))
}

func logUnlessOver(ctx context.Context, log zerolog.Logger, err error) {
	if ctx.Err() == nil {
		log.Warn().Err(err).Msg("task alarms")
	}
}
