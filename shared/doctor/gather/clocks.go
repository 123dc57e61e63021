package gather

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/doctor"
)

const (
	clocksQuiet = 300 * time.Millisecond // after the last answer that no further one comes
	maxClocks   = 4096                   // answers
)

// heard is an answer and when it came.
type heard struct {
	msg *nats.Msg
	at  time.Time
}

// clocks asks every process by which settings it goes, and looks what time it says it is: of processes of earlier versions, which do not say, and
// of those that do not answer nothing is known.
func (g *gathering) clocks(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	body, err := codec.Marshal(&api.ConfigEffectiveRequest{Section: "clock"}) // there is none of the name, so that answers are short
	if err != nil {
		g.failed("clocks", err)
		return
	}
	answers := make(chan heard, maxClocks)
	inbox := g.conn.NC.NewInbox()
	sub, err := g.conn.NC.Subscribe(inbox, func(m *nats.Msg) {
		select {
		case answers <- heard{m, time.Now()}:
		default: // more processes than are compared
		}
	})
	if err != nil {
		g.failed("clocks", err)
		return
	}
	defer sub.Unsubscribe()
	sent := time.Now()
	subject := api.As(g.conn.Namespace, g.conn.Principal, api.ConfigInForceGet.Subject(g.conn.Namespace))
	if err := g.conn.NC.PublishMsg(&nats.Msg{Subject: subject, Reply: inbox, Data: body}); err != nil {
		g.failed("clocks", err)
		return
	}
	for {
		quiet := time.NewTimer(clocksQuiet)
		select {
		case h := <-answers:
			quiet.Stop()
			if c, ok := clockOf(h, sent); ok {
				g.facts.Clocks = append(g.facts.Clocks, c)
			}
		case <-quiet.C:
			return
		case <-ctx.Done():
			quiet.Stop()
			return
		}
	}
}

// clockOf is what an answer says of the clock of its process.
func clockOf(h heard, sent time.Time) (doctor.Clock, bool) {
	var a api.ConfigEffective
	if h.msg.Header.Get(api.HeaderErrorCode) != "" || codec.Read(h.msg.Data, &a) != nil || a.At.IsZero() {
		return doctor.Clock{}, false
	}
	half := h.at.Sub(sent) / 2
	return doctor.Clock{Who: a.Name + " (" + a.Process + ")", Ahead: a.At.Sub(sent.Add(half)), Within: half}, true
}
