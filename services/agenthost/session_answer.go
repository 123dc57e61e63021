package agenthost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/trace"
)

const (
	answerPause   = 50 * time.Millisecond // before the first repetition; twice as long before each that follows
	answerPauseTo = 2 * time.Second
	answersWait   = 2 * time.Second // for the last answers, when the host ends
)

// answerQuestion has the answer to a question sent in the agent's name: whoever asked does not wait for it.
func (s *Service) answerQuestion(q *ask, answer json.RawMessage, err error) {
	req := &api.SessionAnswerRequest{Session: q.session, Round: q.round}
	switch {
	case err != nil:
		req.Error = errorText(err)
	case len(answer) > api.MaxSessionAnswer:
		req.Error = fmt.Sprintf("%s: the answer has %d bytes, a session takes %d", api.ReasonPayloadTooLarge, len(answer), api.MaxSessionAnswer)
	default:
		req.Answer = answer
	}
	if err := s.asks.answered(q, req); err != nil {
		s.log.Error().Err(err).Str("agent", q.agent).Str("session", q.session).Int("round", q.round).Msg("the answer to a session is lost")
	}
}

// errorText says why there is no answer: a reason for programs, and words for people. The reason alone says all of a crash.
func errorText(err error) string {
	e := api.AsError(err)
	switch {
	case e == nil:
		return clip(err.Error())
	case e.Details.Reason == api.ReasonAgentCrashed:
		return api.ReasonAgentCrashed
	case e.Details.Reason != "":
		return clip(e.Details.Reason + ": " + e.Message)
	}
	return clip(string(e.Code) + ": " + e.Message)
}

// answerID is the request id of an answer: the same whenever it is sent.
func answerID(q *ask, kind string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%s/%s", q.session, q.round, q.agent, kind))
	return hex.EncodeToString(sum[:16])
}

// sendAnswer tells the coordination, again and again until it has heard, the question's time is over, or the host may not speak
// for its agents any more.
func (s *Service) sendAnswer(q *ask, req *api.SessionAnswerRequest) {
	ctx, cancel := context.WithDeadline(trace.Remote(s.base, q.parent), s.asks.deadline(q))
	defer cancel()
	log := s.log.With().Str("agent", q.agent).Str("session", q.session).Int("round", q.round).Logger()
	err := s.repeatAnswer(ctx, q, req)
	if api.ReasonOf(err) == api.ReasonInvalidAnswer && req.Error == "" { // the agent has no other, so the session need not wait for one
		refused := &api.SessionAnswerRequest{Session: q.session, Round: q.round, Error: errorText(err)}
		log.Warn().Err(err).Msg("the session does not take the agent's answer")
		err = s.repeatAnswer(ctx, q, refused)
	}
	switch api.ReasonOf(err) {
	case api.ReasonSessionEnded, api.ReasonRoundClosed, api.ReasonAlreadyAnswered:
		log.Debug().Err(err).Msg("the answer came too late, or again")
	default:
		if err != nil {
			log.Warn().Err(err).Msg("the answer was not taken")
		}
	}
}

func (s *Service) repeatAnswer(ctx context.Context, q *ask, req *api.SessionAnswerRequest) error {
	kind := "answer"
	if req.Error != "" {
		kind = "error"
	}
	conn, id := s.conn.WithPrincipal(q.agent), answerID(q, kind)
	for wait := answerPause; ; wait = min(2*wait, answerPauseTo) {
		var err error
		if s.env.Lease.Held() {
			try, cancel := context.WithTimeout(rpc.WithRequestID(ctx, id), api.DefaultTimeout.Std())
			_, err = rpc.Call(try, conn, api.SessionsAnswer, req)
			cancel()
			if err == nil || !unsure(err) {
				return err
			}
		}
		select {
		case <-ctx.Done():
			if err == nil {
				err = ctx.Err()
			}
			return err
		case <-s.env.Lease.Lost():
			return api.Errorf(api.Fenced, "host %s has lost its lease, and speaks for no agent any more", s.cfg.ID).WithReason(api.ReasonLeaseLost)
		case <-time.After(wait):
		}
	}
}

// refuseQuestion gives a question up that no agent handled, and tells whether whoever asked hears of it by an answer.
func (s *Service) refuseQuestion(q *ask, err error) bool {
	if s.asks.acked(q) {
		s.answerQuestion(q, nil, err)
		return true
	}
	s.asks.forget(q)
	return false
}

// lastAnswers waits a little for the answers that are on their way when the host ends.
func (s *Service) lastAnswers(ctx context.Context) {
	if !s.conn.NC.IsConnected() || !s.env.Lease.Held() {
		return
	}
	ctx, cancel := part(ctx)
	defer cancel()
	ctx, done := context.WithTimeout(ctx, answersWait)
	defer done()
	if err := s.asks.wait(ctx); err != nil {
		s.log.Warn().Msg("some answers to sessions were not sent")
	}
}
