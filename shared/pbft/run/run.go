package run

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/pbft"
)

const (
	flushTimeout = 5 * time.Second // bounds the wait for the server to know the subscription
	// What may wait to be read: anybody may publish here, and what does not fit is sent again by those who matter.
	maxWaiting      = 4096
	maxWaitingBytes = 16 << 20
)

// Run takes part in a session until its value is decided and, with Linger, for that long after. It returns the proof of the
// decision; or invalid or insufficient_agents if the options are not sound, deadline_exceeded or cancelled if ctx ended
// before the decision, and unavailable if the connection was closed before it. Whatever the error, others may decide.
func Run(ctx context.Context, o Options) (*pbft.Certificate, error) {
	node, err := o.node(time.Now())
	if err != nil {
		return nil, err
	}
	m := &member{o: o, node: node, subject: Subject(o.Namespace, o.Session), inbox: make(chan []byte)}
	left := make(chan struct{})
	sub, err := o.Conn.Subscribe(m.subject, func(msg *nats.Msg) {
		select {
		case m.inbox <- msg.Data:
		case <-left:
		}
	})
	if err != nil {
		return nil, unavailable(err)
	}
	defer sub.Unsubscribe()
	defer close(left)
	if err := sub.SetPendingLimits(maxWaiting, maxWaitingBytes); err != nil {
		return nil, unavailable(err)
	}
	flush, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := o.Conn.FlushWithContext(flush); err != nil && ctx.Err() == nil {
		return nil, unavailable(err)
	}
	return m.run(ctx)
}

// member is one run. Its node is only for the goroutine of run.
type member struct {
	o       Options
	node    *pbft.Node
	subject string
	inbox   chan []byte
	judge   *judge
	cert    *pbft.Certificate
}

func (m *member) run(ctx context.Context) (*pbft.Certificate, error) {
	m.judge = newJudge(m.o)
	defer m.judge.wait()
	judging, given := context.WithCancel(ctx)
	defer given()
	closed := m.o.Conn.StatusChanged(nats.CLOSED)
	defer m.o.Conn.RemoveStatusListener(closed)
	wake := time.NewTimer(0)
	defer wake.Stop()
	var over <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return m.end(ctx)
		case <-over:
			return m.cert, nil
		case <-closed:
			if m.cert == nil {
				return nil, unavailable(nats.ErrConnectionClosed)
			}
			return m.cert, nil
		case data := <-m.inbox:
			_ = m.node.Step(data, time.Now()) // what is refused is refused; everybody may publish here
		case a := <-m.judge.answers:
			m.node.Validated(a.View, a.Seq, a.Digest, a.ok, time.Now())
		case <-wake.C:
			m.node.Tick(time.Now())
		}
		before := m.cert
		deadline, err := m.act(judging)
		if err != nil {
			return nil, err
		}
		if before == nil && m.cert != nil {
			given()
			if m.o.OnDecided != nil {
				m.o.OnDecided(m.cert)
			}
			if m.o.Linger <= 0 {
				return m.cert, nil
			}
			over = time.After(m.o.Linger)
		}
		if !deadline.IsZero() {
			wake.Reset(time.Until(deadline))
		}
	}
}

// act does what the node wants done.
func (m *member) act(judging context.Context) (time.Time, error) {
	out := m.node.Ready()
	for _, data := range out.Send {
		err := m.o.Conn.Publish(m.subject, data)
		switch {
		case errors.Is(err, nats.ErrMaxPayload):
			return time.Time{}, api.Errorf(api.FailedPrecondition, "a message of %d bytes is more than the NATS server takes (%d): propose a reference to the value, "+
				"or raise max_payload", len(data), m.o.Conn.MaxPayload()).WithReason(api.ReasonPayloadTooLarge)
		case errors.Is(err, nats.ErrConnectionClosed) && m.cert == nil && len(out.Decided) == 0:
			return time.Time{}, unavailable(err)
		}
		// Any other trouble is a loss like those on the way: the node sends again.
	}
	for _, q := range out.Validate {
		m.judge.ask(judging, q)
	}
	for _, d := range out.Decided {
		m.cert = d.Certificate
	}
	return out.Deadline, nil
}

// end is what to return when ctx has ended.
func (m *member) end(ctx context.Context) (*pbft.Certificate, error) {
	switch {
	case m.cert != nil:
		return m.cert, nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, api.Errorf(api.DeadlineExceeded, "session %s had no decision in time; it was in view %d, led by %s: see whether a quorum of %d members runs",
			m.o.Session, m.node.View(), m.node.Primary(), pbft.Quorum(len(m.o.Members))).WithReason(api.ReasonTimeout)
	}
	return nil, api.Errorf(api.Cancelled, "session %s was left before its decision", m.o.Session)
}

func unavailable(err error) error {
	return api.Errorf(api.Unavailable, "the NATS connection does not serve the session: %v", err)
}
