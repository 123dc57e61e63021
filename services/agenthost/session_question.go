package agenthost

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/agenthost/mailbox"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// newAsk reads the header that makes a message the question of a session. A question names its agent, and comes in nobody's name:
// principals have subjects of their own, and what one of them asks is not taken for the coordination's.
func (s *Service) newAsk(h *hosted, msg *nats.Msg) (*ask, error) {
	if msg.Subject != api.AgentSubject(s.conn.Namespace, h.rec.ID) {
		return nil, api.Errorf(api.PermissionDenied, "only the coordination asks in the name of a session: leave out the header %s", api.HeaderSession).WithFields(api.HeaderSession)
	}
	session, number, _ := strings.Cut(msg.Header.Get(api.HeaderSession), "/")
	round, err := strconv.Atoi(number)
	if err != nil || round < 1 || round > api.MaxSessionRounds || !api.ValidID(session) {
		return nil, api.Errorf(api.Invalid, "the header %s must be a session's id, a slash and the number of a round", api.HeaderSession).WithFields(api.HeaderSession)
	}
	q := &ask{askKey: askKey{h.rec.ID, session, round}, until: time.Now().Add(castTimeout), acked: msg.Reply == ""}
	if msg.Header.Get(api.HeaderBlob) == "" {
		if _, err := s.readQuestion(q, msg.Data); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// readQuestion reads the body of a question.
func (s *Service) readQuestion(q *ask, data []byte) (*api.SessionQuestion, error) {
	body := new(api.SessionQuestion)
	if err := codec.Read(data, body); err != nil {
		return nil, api.Errorf(api.Invalid, "the question of session %s is not readable: %v", q.session, err).WithReason(api.ReasonMalformed)
	}
	if body.Session != q.session || body.Round != q.round {
		return nil, api.Errorf(api.Invalid, "the header %s and the question name different sessions or rounds", api.HeaderSession).WithReason(api.ReasonMalformed).WithFields(api.HeaderSession)
	}
	if body.Deadline.IsZero() {
		return body, nil
	}
	if time.Until(body.Deadline) <= 0 {
		return nil, askOver()
	}
	s.asks.due(q, body.Deadline)
	return body, nil
}

func askOver() error {
	return api.Errorf(api.DeadlineExceeded, "the time of the question is over").WithReason(api.ReasonTimeout)
}

// putQuestion is put for the question of a session. It runs in dispatch.
func (s *Service) putQuestion(h *hosted, msg *nats.Msg) {
	m := message{agent: h, msg: msg, arrived: time.Now()}
	q, err := s.newAsk(h, msg)
	if err != nil {
		s.refuse(m, err)
		return
	}
	earlier, err := s.asks.enter(q)
	switch {
	case err != nil:
		s.refuse(m, err)
	case earlier != nil: // whoever asked it has died, or has not heard that it is here
		s.asks.again(earlier)
		s.acknowledge(msg)
	case forHost(msg.Data):
		m.ask, m.control = q, true // not for the agent: it waits for no mailbox
		if !s.workers.Submit(m) {
			s.refuse(m, api.Errorf(api.Overloaded, "host %s is handling all the messages it can", s.cfg.ID).WithReason(api.ReasonServerFull))
			return
		}
		s.acceptQuestion(&m)
	default:
		m.ask = q
		s.enqueueQuestion(h, m)
	}
}

func (s *Service) enqueueQuestion(h *hosted, m message) {
	now := m.msg.Header.Get(api.HeaderBlob) == ""
	switch h.box.Put(m, false) { // somebody wants the answer, so it holds nothing back as a cast does
	case mailbox.Full:
		h.refused.Add(1)
		s.refuse(m, mailboxFull(h))
	case mailbox.Closed:
		s.pass(m)
	case mailbox.Taken:
		if now {
			s.acceptQuestion(&m)
		}
	}
}

// acceptQuestion acknowledges a question: from now on whoever asked hears only by an answer.
func (s *Service) acceptQuestion(m *message) {
	if !s.asks.ack(m.ask) {
		s.acknowledge(m.msg)
	}
}

func (s *Service) acknowledge(msg *nats.Msg) {
	if msg.Reply != "" {
		_ = s.conn.Reply(s.base, msg.Reply, acknowledgement)
	}
}

var byzantineType = []byte(`"` + api.SessionByzantine + `"`)

// forHost tells whether the host answers the question itself. One in the object store is for the agent: those of hosts are small.
func forHost(body []byte) bool {
	if !bytes.Contains(body, byzantineType) { // spares most questions a second reading
		return false
	}
	var q api.SessionQuestion
	return codec.Read(body, &q) == nil && q.Type == api.SessionByzantine && (q.Phase == api.PhaseJoin || q.Phase == api.PhaseRun)
}

// beginQuestion is begin for the question of a session, whose time is its own.
func (s *Service) beginQuestion(m *message) (*rpc.Context, func(), error) {
	if m.msg.Header.Get(api.HeaderBlob) == "" {
		s.acceptQuestion(m) // a worker may be faster than dispatch: what comes of it now is an answer
	}
	left := time.Until(s.asks.deadline(m.ask))
	if left <= 0 {
		return nil, nil, askOver()
	}
	if err := s.mayAct(); err != nil {
		return nil, nil, err
	}
	cause, err := causeOf(m.msg.Header)
	if err != nil {
		return nil, nil, err
	}
	ctx := rpc.NewContext(m.agent.work(), min(left, castTimeout), cause)
	return ctx, ctx.End, nil
}

// readBlob reads a question whose body had to be fetched.
func (s *Service) readBlob(m *message, data []byte) error {
	if m.msg.Header.Get(api.HeaderBlob) == "" {
		return nil
	}
	if _, err := s.readQuestion(m.ask, data); err != nil {
		return err
	}
	s.acceptQuestion(m)
	return nil
}
