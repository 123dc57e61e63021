package agenthost

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// post is where the answers of the books go; it holds them until it is opened.
type post struct {
	open chan struct{}
	mu   sync.Mutex
	sent []int
	most int // at once
	now  int
}

func (p *post) send(q *ask, _ *api.SessionAnswerRequest) {
	p.mu.Lock()
	p.now++
	p.most = max(p.most, p.now)
	p.mu.Unlock()
	<-p.open
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now--
	p.sent = append(p.sent, q.round)
}

func newBooks() (*asks, *post) {
	p := &post{open: make(chan struct{})}
	return newAsks(p.send), p
}

func asked(t *testing.T, b *asks, round int, until time.Time) *ask {
	t.Helper()
	q := &ask{askKey: askKey{"a", "s1", round}, until: until}
	if earlier, err := b.enter(q); err != nil || earlier != nil {
		t.Fatalf("round %d: %+v, %v", round, earlier, err)
	}
	return q
}

func TestQuestionsAreBounded(t *testing.T) {
	t.Parallel()
	b, _ := newBooks()
	defer b.close()
	far := time.Now().Add(time.Hour)
	for round := range maxAsks {
		asked(t, b, round, far)
	}
	q := &ask{askKey: askKey{"a", "s1", maxAsks}, until: far}
	if _, err := b.enter(q); api.CodeOf(err) != api.Overloaded {
		t.Fatal(err)
	}
	earlier, err := b.enter(&ask{askKey: askKey{"a", "s1", 7}, until: far})
	if err != nil || earlier == nil || earlier.round != 7 {
		t.Fatalf("one that is known needs no room: %+v, %v", earlier, err)
	}
	b.forget(earlier)
	if earlier, err = b.enter(q); err != nil || earlier != nil {
		t.Errorf("%+v, %v", earlier, err)
	}
}

func TestQuestionsAreForgottenAtTheirDeadline(t *testing.T) {
	t.Parallel()
	b, p := newBooks()
	defer b.close()
	close(p.open)
	q := asked(t, b, 1, time.Now().Add(time.Hour))
	if err := b.answered(q, &api.SessionAnswerRequest{Answer: json.RawMessage("1")}); err != nil {
		t.Fatal(err)
	}
	if err := b.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.due(q, time.Now().Add(time.Millisecond))
	natstest.Eventually(t, time.Minute, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.known) == 0 && b.bytes == 0
	}, "the question is forgotten, with its answer")
	if err := b.answered(q, &api.SessionAnswerRequest{Answer: json.RawMessage("1")}); err != nil || b.bytes != 0 {
		t.Errorf("an answer that comes too late is not kept: %v", err)
	}
}

// A few answers are on their way at once, the others wait, and what they take in memory is bounded.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	b, p := newBooks()
	defer b.close()
	far := time.Now().Add(time.Hour)
	large := &api.SessionAnswerRequest{Answer: make(json.RawMessage, api.MaxSessionAnswer)}
	const most = maxAnswerBytes / api.MaxSessionAnswer
	for round := range most {
		if err := b.answered(asked(t, b, round, far), large); err != nil {
			t.Fatal(err)
		}
	}
	last := asked(t, b, most, far)
	if err := b.answered(last, large); api.CodeOf(err) != api.Overloaded {
		t.Fatalf("%v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := b.wait(short); err == nil {
		t.Error("answers that are held count as sent")
	}
	natstest.Eventually(t, time.Minute, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.now == maxSenders
	}, "as many as may be are on their way")
	close(p.open)
	if err := b.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(p.sent) != most || p.most != maxSenders {
		t.Errorf("%d sent, %d at once", len(p.sent), p.most)
	}
	slices.Sort(p.sent)
	if p.sent[0] != 0 || p.sent[most-1] != most-1 || len(slices.Compact(slices.Clone(p.sent))) != most {
		t.Error("an answer was lost, or sent twice")
	}
	if err := b.answered(last, large); err != nil { // those that have arrived make room
		t.Fatal(err)
	}
	if err := b.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.again(last)
	if err := b.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(p.sent); n != most+2 || fmt.Sprint(p.sent[n-2:]) != fmt.Sprint([]int{most, most}) {
		t.Errorf("%d sent", n)
	}
}
