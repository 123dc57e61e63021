package tasks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (s *Store) questionsSubject(id string) string { return s.ns + ".questions." + id }

// questions is all that a task has asked, in order, with the answers.
type questions struct {
	Life string     `json:"life,omitempty"` // of the task, see lifeOf
	List []question `json:"list"`
	seq  uint64
}

// of returns the questions of the task itself: none if these are of one that had its id before.
func (q *questions) of(life string) *questions {
	if q.Life != "" && q.Life != life {
		return &questions{Life: life, seq: q.seq}
	}
	q.Life = life
	return q
}

// ask makes a question the open one, as the last. Another one that has no answer is asked no more: whoever has the task by
// now has gone another way. It returns false if the question stood there already.
func (q *questions) ask(wanted question) bool {
	if open := q.open(); open != nil && open.Key == wanted.Key {
		return false
	}
	q.List = append(slices.DeleteFunc(q.List, func(was question) bool { return was.Answer == nil }), wanted)
	return true
}

// question is known again by its key: a digest of what is asked, and how many times it was asked before, by the run or by those that led to its checkpoint.
type question struct {
	Key     string          `json:"key"`
	Seq     uint64          `json:"seq"` // of the part that asks
	Attempt int             `json:"attempt"`
	Ask     json.RawMessage `json:"ask"`
	Answer  json.RawMessage `json:"answer,omitempty"`
	Tag     string          `json:"tag,omitempty"` // of the request that answered
}

// open returns the question that waits for an answer; nil if there is none.
func (q *questions) open() *question {
	if n := len(q.List); n > 0 && q.List[n-1].Answer == nil {
		return &q.List[n-1]
	}
	return nil
}

func (q *questions) find(key string) *question {
	for i := range q.List {
		if q.List[i].Key == key {
			return &q.List[i]
		}
	}
	return nil
}

func (s *Store) questions(ctx context.Context, id string) (*questions, error) {
	q := new(questions)
	m, err := s.read(ctx, s.state, map[string]any{"last_by_subj": s.questionsSubject(id)})
	if m == nil || err != nil && !errors.Is(err, errJunk) {
		return q, err
	}
	if codec.Read(m.Data, q) != nil {
		q = new(questions) // junk is none, and is replaced by the next
	}
	q.seq = m.Seq
	return q, nil
}

// saveQuestions replaces the record. It returns false if somebody has changed it since it was read.
func (s *Store) saveQuestions(ctx context.Context, id string, q *questions) (bool, error) {
	body, err := codec.Marshal(q)
	if err != nil {
		return false, err
	}
	if int64(len(body)) > s.conn.InlineLimit() || len(q.List) > api.MaxQuestions {
		return false, api.Errorf(api.Invalid, "the questions of the task and their answers have become too many or too long: %d, of %d bytes", len(q.List), len(body)).WithReason(api.ReasonPayloadTooLarge)
	}
	msg := nats.NewMsg(s.questionsSubject(id))
	msg.Data = body
	changed := false
	err = s.put(ctx, s.state, msg, &q.seq, func(m *stored) error {
		if seq := q.seq; m == nil && seq > 0 || m != nil && m.Seq != seq {
			changed = true
			return errChanged
		}
		return nil
	})
	if changed {
		return false, nil
	}
	return err == nil, err
}

var errChanged = api.Errorf(api.Conflict, "the questions of the task have changed")

// Ask implements agent.Parts: it returns the answer that somebody has given to this question, or puts the task aside.
func (p *says) Ask(ctx context.Context, ask json.RawMessage) (json.RawMessage, error) {
	if err := checkValue(ask); err != nil {
		return nil, err
	}
	if len(ask) > api.MaxQuestionSize {
		return nil, api.Errorf(api.Invalid, "the question has %d bytes, at most %d are allowed", len(ask), api.MaxQuestionSize).WithReason(api.ReasonPayloadTooLarge)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.mayWrite(ctx); err != nil {
		return nil, err
	}
	if p.waits { // one question at a time
		return nil, errAside
	}
	digest := sha256.Sum256(compact(ask))
	kind := hex.EncodeToString(digest[:12])
	key, times := kind, p.asked[kind]+1
	if times > 1 {
		key += "-" + strconv.Itoa(times)
	}
	answer, err := p.ask(ctx, ask, key)
	if err == nil || p.waits { // one that came to nothing was not asked
		if p.asked == nil {
			p.asked = map[string]int{}
		}
		p.asked[kind] = times
	}
	return answer, err
}

// ask returns the answer to the question of that key, or puts the task aside.
func (p *says) ask(ctx context.Context, ask json.RawMessage, key string) (json.RawMessage, error) {
	p.kept = true
	for {
		known, err := p.s.questions(ctx, p.task)
		if err != nil {
			return nil, err
		}
		known = known.of(p.life)
		q := known.find(key)
		if q != nil && q.Answer != nil {
			return q.Answer, nil
		}
		open := known.open()
		if open != nil && open.Attempt > p.attempt {
			return nil, p.heed(outrun(p.attempt, open.Attempt))
		}
		if open == nil || open.Key != key {
			seq, err := p.s.say(ctx, p.task, p.life, api.PartNeedInput, p.attempt, ask, &p.last)
			if err != nil {
				return nil, p.heed(err)
			}
			known.ask(question{Key: key, Seq: seq, Attempt: p.attempt, Ask: ask})
			switch stored, err := p.s.saveQuestions(ctx, p.task, known); {
			case err != nil:
				return nil, err
			case !stored:
				continue
			}
		}
		p.waits = true
		p.aside()
		return nil, errAside
	}
}

var errAside = api.Errorf(api.Cancelled, "the task is put aside until its question is answered, and is then begun anew: end this attempt").WithReason(api.ReasonWaitingInput)

func compact(value json.RawMessage) []byte {
	var b bytes.Buffer
	if json.Compact(&b, value) != nil {
		return value
	}
	return b.Bytes()
}

// Answer answers the open question of a task and lets it go on.
func (s *Store) Answer(ctx context.Context, cause api.Cause, r *api.TaskAnswerRequest) (*api.Task, error) {
	if err := checkValue(r.Answer); err != nil {
		return nil, err
	}
	t, err := s.get(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	if t.Status.Ended() {
		return nil, notWaiting(t.ID, "it is "+string(t.Status))
	}
	answer, tag := compact(r.Answer), rpc.RequestTag(cause)
	for {
		known, err := s.questions(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		known = known.of(lifeOf(t))
		q, err := known.meant(r, answer, tag)
		if err != nil {
			return nil, err
		}
		if q.Answer == nil {
			q.Answer, q.Tag = answer, tag
			switch stored, err := s.saveQuestions(ctx, r.ID, known); {
			case err != nil:
				return nil, err
			case !stored:
				continue
			}
			last := q.Seq
			if _, err := s.say(ctx, r.ID, known.Life, api.PartInput, q.Attempt, answer, &last); err != nil {
				return nil, err
			}
		}
		if err := s.goOn(ctx, r.ID); err != nil {
			return nil, err
		}
		if t, err = s.get(ctx, r.ID); err != nil {
			return nil, err
		}
		t.Payload, t.Result = nil, nil // they may be too large to be kept with the request's answer
		return t, nil
	}
}

// meant returns the question that the request is for: still open, or answered in the same way before.
func (q *questions) meant(r *api.TaskAnswerRequest, answer []byte, tag string) (*question, error) {
	for i := range q.List {
		was := &q.List[i]
		same := bytes.Equal(was.Answer, answer)
		switch {
		case was.Answer == nil:
		case tag != "" && was.Tag == tag && same && (r.Seq == 0 || r.Seq == was.Seq):
			return was, nil
		case tag != "" && was.Tag == tag:
			return nil, api.Errorf(api.Conflict, "this request id was used for another answer: choose a new one").WithReason(api.ReasonRequestReused)
		case r.Seq == was.Seq && same:
			return was, nil
		case r.Seq == was.Seq:
			return nil, api.Errorf(api.Conflict, "the question has been answered otherwise").WithReason(api.ReasonAlreadyAnswered)
		}
	}
	open := q.open()
	switch {
	case open != nil && (r.Seq == 0 || r.Seq == open.Seq):
		return open, nil
	case open != nil:
		return nil, notWaiting(r.ID, "its open question has the sequence "+strconv.FormatUint(open.Seq, 10))
	case r.Seq == 0 && len(q.List) > 0 && bytes.Equal(q.List[len(q.List)-1].Answer, answer):
		return &q.List[len(q.List)-1], nil
	}
	return nil, notWaiting(r.ID, "it has no open question")
}

func notWaiting(id, why string) error {
	return api.Errorf(api.FailedPrecondition, "task %s does not wait for this answer: %s", id, why).WithReason(api.ReasonNotWaiting)
}
