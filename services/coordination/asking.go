package coordination

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/services/coordination/realm"
	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/trace"
)

const (
	askAgain  = 50 * time.Millisecond // before a member that could not be reached is tried again
	askFor    = 3 * time.Second       // an agent that moves to another host, or is started again, is back by then
	askAck    = 2 * time.Second       // for the word that a question has arrived
	leastTime = time.Millisecond
	maxWhy    = 160 // bytes of why a member could not be asked
)

// question is one that is on its way to a member.
type question struct {
	member  string
	msg     *nats.Msg
	pending rpc.Pending
	sent    bool
	drop    func()
}

// runAsk asks the members of a round. What it brings is who could not be asked; whether the others answer is between them and the
// session.
func (c *council) runAsk(ctx context.Context, e engine.Effect) ([]byte, error) {
	var what session.Asking
	if err := codec.Read(e.Body, &what); err != nil {
		return nil, err
	}
	var record *session.Record
	var now time.Time
	if _, err := c.log.Read(ctx, "", func(s *realm.State, _ uint64, at time.Time) { record, now = s.Sessions.Sessions[what.Session], at }); err != nil {
		return nil, err
	}
	if record == nil || record.Session.State != api.SessionActive || len(record.Session.Rounds) != what.Round {
		return []byte("{}"), nil // it went on without
	}
	round := protocol.Current(&record.Session)
	left := max(round.Deadline.Sub(now), leastTime)
	ours := ctx
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	ctx, span := c.traced.asking(ctx, round, record.Session.ID)
	defer func() { span.End(ctx.Err()) }()
	questions := make([]*question, 0, len(round.Asks))
	defer func() {
		for _, q := range questions {
			q.drop()
		}
	}()
	for i := range round.Asks {
		if round.Asks[i].State != api.AskOpen {
			continue
		}
		q, err := c.question(ctx, &record.Session, round, &round.Asks[i], left)
		if err != nil {
			return nil, err
		}
		questions = append(questions, q)
	}
	unreachable := c.ask(ctx, questions, min(left/2, askFor))
	if err := ours.Err(); err != nil {
		return nil, err // it was broken off, and does not know who can be asked: that is for whoever takes it up
	}
	return codec.Marshal(session.Asked{Unreachable: unreachable})
}

// question makes the message to a member. Its time is that which the round has left.
func (c *council) question(ctx context.Context, x *api.Session, r *api.SessionRound, a *api.SessionAsk, left time.Duration) (*question, error) {
	body, err := codec.Marshal(api.SessionQuestion{
		Session: x.ID, Type: x.Type, Round: r.Number, Phase: r.Phase, Question: x.Question, Ask: a.Ask, Deadline: r.Deadline,
	})
	if err != nil {
		return nil, err
	}
	msg := nats.NewMsg(api.AgentSubject(c.conn.Namespace, a.Member))
	msg.Header.Set(api.HeaderSession, x.ID+"/"+strconv.Itoa(r.Number))
	msg.Header.Set(api.HeaderCast, "1")
	if parent := trace.Parent(ctx); parent != "" {
		msg.Header.Set(api.HeaderTraceparent, parent)
	}
	msg.Header.Set(api.HeaderTimeout, min(left, api.MaxRequestTimeout*time.Second).Round(time.Microsecond).String())
	drop, err := c.conn.Pack(ctx, msg, body)
	if err != nil {
		return nil, err
	}
	return &question{member: a.Member, msg: msg, drop: drop}, nil
}

// ask sends the questions, all at once, and those that reach nobody, or a full mailbox, again for a while. A question of which nothing
// is heard may have arrived: its member has until the round is over.
func (c *council) ask(ctx context.Context, questions []*question, patience time.Duration) (failed []session.Unreachable) {
	begun := time.Now()
	for {
		for _, q := range questions {
			var err error
			q.pending, err = c.conn.Begin(q.msg)
			q.sent = err == nil
		}
		heard := time.Now().Add(askAck) // all of them: one that says nothing holds up none of the others
		again := questions[:0:0]
		failed = failed[:0:0]
		for _, q := range questions {
			if err := c.arrival(ctx, q, max(time.Until(heard), leastTime)); err != nil {
				again = append(again, q)
				failed = append(failed, session.Unreachable{Member: q.member, Error: why(err)})
			}
		}
		if len(again) == 0 || time.Since(begun) > patience || !pause(ctx, askAgain) {
			return failed
		}
		questions = again
	}
}

// arrival waits so long for the word that a question is in the mailbox of its member, and returns why it is not.
func (c *council) arrival(ctx context.Context, q *question, patience time.Duration) error {
	if !q.sent {
		return api.Errorf(api.Unavailable, "the question could not be sent").WithReason(api.ReasonDependencyDown)
	}
	msg, err := q.pending.Wait(ctx, patience)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return api.Errorf(api.Unavailable, "no process runs the agent").WithReason(api.ReasonNobodyListens)
	case err != nil:
		return nil //nolint:nilerr // it may have arrived
	}
	if _, err = c.conn.Open(ctx, msg); err != nil {
		return err
	}
	return nil
}

// why is what a session notes of a member that could not be asked. It may be in a member's words, and the words of a thousand go into one
// command.
func why(err error) string {
	text := err.Error()
	text = strings.ToValidUTF8(text[:min(len(text), maxWhy)], "")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// pause waits for d. It is false when ctx has ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
