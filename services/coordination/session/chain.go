package session

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// The chain of a session has a link for each of its steps, so that whoever has seen one head knows that nothing before it was changed,
// and whoever has the transcript can check it without the log. A link is
//
//	SHA-256(previous link, what, round, phase, member, time in ns, SHA-256(payload))
//
// with each text preceded by its length (uvarint), the first previous link being that of the session's id. The payload of "started" is
// what the session began with, of "asked" all asks of the round, of "answered" the answer, of "failed" the error, and of the end the
// reason and the result.
func link(head string, step api.SessionStep, payload []byte) string {
	h := sha256.New()
	var buf []byte
	text := func(s string) {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	text(head)
	text(step.What)
	buf = binary.AppendUvarint(buf, uint64(step.Round))
	text(step.Phase)
	text(step.Member)
	buf = binary.AppendVarint(buf, step.At.UnixNano())
	sum := sha256.Sum256(payload)
	buf = append(buf, sum[:]...)
	h.Write(buf)
	return hex.EncodeToString(h.Sum(nil))
}

// opening is the payload of the first link.
func opening(x *api.Session) []byte {
	return encode(struct {
		ID        string              `json:"id"`
		Protocol  string              `json:"protocol,omitempty"`
		Type      api.SessionType     `json:"type"`
		Algorithm string              `json:"algorithm,omitempty"`
		Params    any                 `json:"params,omitempty"`
		Question  any                 `json:"question,omitempty"`
		Members   []api.SessionMember `json:"members"`
		StartedBy string              `json:"started_by,omitempty"`
		Origin    string              `json:"origin,omitempty"`
	}{x.ID, x.Protocol, x.Type, x.Algorithm, raw(x.Params), raw(x.Question), x.Members, x.StartedBy, x.Origin})
}

// asked is the payload of the link of a round's questions: who was asked what.
func asked(r *api.SessionRound) []byte {
	type ask struct {
		Member string `json:"member"`
		Ask    any    `json:"ask,omitempty"`
	}
	asks := make([]ask, len(r.Asks))
	for i := range r.Asks {
		asks[i] = ask{r.Asks[i].Member, raw(r.Asks[i].Ask)}
	}
	return encode(asks)
}

func ending(x *api.Session) []byte {
	return encode(struct {
		Reason string `json:"reason,omitempty"`
		Result any    `json:"result,omitempty"`
	}{x.Reason, raw(x.Result)})
}

// raw keeps an absent value out of what is encoded.
func raw(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return string(b)
}

// encode writes what has only texts and counts in it.
func encode(v any) []byte {
	b, err := codec.Marshal(v)
	if err != nil { // text that is no UTF-8, which no request can carry
		b = []byte(err.Error())
	}
	return b
}

// Verify recomputes the chain of a session from its steps and transcript. It returns an error that names the first step that does not
// belong to it, or what in the transcript no step speaks of.
func Verify(x *api.Session, steps []api.SessionStep) error {
	head := start(x.ID)
	if err := walk(x, steps, func(_ int, h string) { head = h }); err != nil {
		return err
	}
	if head != x.Head {
		return api.Errorf(api.Invalid, "the transcript does not lead to the session's head %s: something in it was changed", x.Head)
	}
	return covered(x, steps)
}

// HeadAfter returns the last step after which the session had the head, or 0 if there is none.
func HeadAfter(x *api.Session, steps []api.SessionStep, head string) (number int) {
	_ = walk(x, steps, func(n int, h string) { // a link that cannot be made has no head
		if h == head {
			number = n
		}
	})
	return number
}

// walk makes the chain, and tells the head after each step.
func walk(x *api.Session, steps []api.SessionStep, each func(number int, head string)) error {
	head := start(x.ID)
	for i, step := range steps {
		if step.Number != i+1 {
			return api.Errorf(api.Invalid, "step %d is missing from the session", i+1)
		}
		payload, err := payloadOf(x, step)
		if err != nil {
			return err
		}
		head = link(head, step, payload)
		each(step.Number, head)
	}
	return nil
}

func start(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

func payloadOf(x *api.Session, step api.SessionStep) ([]byte, error) {
	var round *api.SessionRound
	if step.Round > 0 {
		if step.Round > len(x.Rounds) {
			return nil, api.Errorf(api.Invalid, "step %d is of round %d, which the transcript lacks", step.Number, step.Round)
		}
		round = &x.Rounds[step.Round-1]
	}
	if step.Member == "" && step.What == string(x.State) {
		return ending(x), nil
	}
	switch step.What {
	case stepStarted:
		return opening(x), nil
	case stepAsked:
		if round != nil {
			return asked(round), nil
		}
	case stepAnswered, stepFailed:
		if round != nil {
			if a := find(round, step.Member); a != nil && step.What == stepAnswered {
				return a.Answer, nil
			} else if a != nil {
				return []byte(a.Error), nil
			}
		}
	case stepSilent, stepClosed:
		return nil, nil
	}
	return nil, api.Errorf(api.Invalid, "step %d (%s) does not belong to the session", step.Number, step.What)
}

// The steps of a session, beside the states that end it.
const (
	stepStarted  = "started"
	stepAsked    = "asked"
	stepAnswered = "answered"
	stepFailed   = "failed"
	stepSilent   = "silent"
	stepClosed   = "closed"
)

// find returns the question to a member, or nil.
func find(r *api.SessionRound, member string) *api.SessionAsk {
	for i := range r.Asks {
		if r.Asks[i].Member == member {
			return &r.Asks[i]
		}
	}
	return nil
}

// step adds a step, and a link to the chain.
func (w *work) step(what, member string, payload []byte) {
	x := &w.Session
	s := api.SessionStep{Number: len(w.Steps) + 1, At: w.now, What: what, Member: member}
	if r := w.current(); r != nil {
		s.Round, s.Phase = r.Number, r.Phase
	}
	w.Steps = append(w.Steps, s)
	x.Head = link(x.Head, s, payload)
	w.grow(len(payload))
}

// since is the time from one point of the log to another.
func since(from, to time.Time) api.Duration { return api.Duration(to.Sub(from)) }
