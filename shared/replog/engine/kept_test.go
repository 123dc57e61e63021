package engine_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// uuid returns a UUIDv7 of a time.
func uuid(at time.Time, n byte) string {
	ms := at.UnixMilli()
	b := []byte{byte(ms >> 40), byte(ms >> 32), byte(ms >> 24), byte(ms >> 16), byte(ms >> 8), byte(ms), 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, n}
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func TestRepeatedRequests(t *testing.T) {
	l := newTape(t, counter())
	c := addOnce("ann", "r1", "x", 5)
	if r := l.one("a", c); string(r.Answer) != "5" || r.Repeated {
		t.Fatalf("%+v", r)
	}
	within := l.do("b", c, add("x", 1), c) // by another replica, twice in a batch
	for _, i := range []int{0, 2} {
		if r := within.Replies[i]; string(r.Answer) != "5" || !r.Repeated || r.Err != nil {
			t.Errorf("%+v", r)
		}
	}
	other := c
	other.Hash = "other"
	if r := l.one("b", other); code(r.Err) != api.Conflict || api.ReasonOf(r.Err) != api.ReasonRequestReused {
		t.Errorf("another request under the same id: %+v", r)
	}
	other.Principal = "bob"
	if r := l.one("b", other); string(r.Answer) != "11" || r.Repeated {
		t.Errorf("another principal: %+v", r)
	}
	// The key of a principal and an id is not the key of another pair.
	for i, pair := range [][2]string{{"annr", "1"}, {"", "annr1"}, {"an", "nr1"}, {"\x03ann", "r1"}} {
		if r := l.one("b", addOnce(pair[0], pair[1], "y", 1)); string(r.Answer) != fmt.Sprint(i+1) {
			t.Errorf("%q: %+v", pair, r)
		}
	}
	if r := l.after(engine.Keep).one("a", c); !r.Repeated || string(r.Answer) != "5" {
		t.Errorf("after %s: %+v", engine.Keep, r)
	}
	if r := l.after(1).one("a", c); r.Repeated {
		t.Errorf("just after %s: %+v", engine.Keep, r)
	}
	if n, size := l.e.Kept(); n != 1 || size <= 0 {
		t.Errorf("%d kept, %d bytes", n, size)
	}
	l.replay(counter())
}

func TestErrorsAreKept(t *testing.T) {
	l := newTape(t, counter())
	for _, kind := range []string{"refuse", "panic", "add", engine.KindClaim} {
		c := engine.Command{Kind: kind, ID: kind, Principal: "ann", Hash: "h", Body: []byte("no number")}
		first, again := l.one("a", c), l.one("b", c)
		if first.Err == nil || first.Repeated || !again.Repeated {
			t.Errorf("%s: %+v, %+v", kind, first, again)
		}
		if diff := cmp.Diff(first.Err, again.Err); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
		l.e = restore(t, counter(), snapshot(t, l.e))
		if diff := cmp.Diff(first.Err, l.one("b", c).Err); diff != "" {
			t.Errorf("%s, restored: %s", kind, diff)
		}
	}
	l.replay(counter())
}

// What is refused for now is not kept: its repetition may find room, or a service that is there again.
func TestRefusalsForNowAreNotKept(t *testing.T) {
	for _, refusal := range []api.Code{api.Overloaded, api.Unavailable} {
		m := counter()
		closed := true
		m.Rules = map[int]engine.Rules[*counts]{1: {Evolve: evolve(1), Decide: func(s *counts, c engine.Command) engine.Decision {
			if closed {
				return engine.Decision{Err: api.Errorf(refusal, "not now")}
			}
			return decide(s, c)
		}}}
		l := newTape(t, m)
		c := addOnce("ann", "r1", "x", 5)
		if r := l.one("a", c); code(r.Err) != refusal {
			t.Fatalf("%+v", r)
		}
		closed = false
		if r := l.one("a", c); r.Err != nil || r.Repeated || string(r.Answer) != "5" {
			t.Errorf("%s: %+v", refusal, r)
		}
	}
}

func TestAgeOfRequestIDs(t *testing.T) {
	for name, c := range map[string]struct {
		made time.Duration // before now
		more string
		want api.Code
	}{
		"now":                 {0, "", ""},
		"ten minutes old":     {engine.Keep, "", ""},
		"older":               {engine.Keep + 10*time.Millisecond, "", api.FailedPrecondition},
		"older and derived":   {engine.Keep + 10*time.Millisecond, ".3", api.FailedPrecondition},
		"an hour ahead":       {-time.Hour, "", ""},
		"further ahead":       {-time.Hour - 10*time.Millisecond, "", api.Invalid},
		"of no form of ours":  {engine.Keep * 2, "x", ""},
		"shorter than a UUID": {engine.Keep * 2, "cut", ""},
		"in capitals":         {engine.Keep * 2, "capitals", api.FailedPrecondition},
		"of another version":  {engine.Keep * 2, "version", ""},
		"of another variant":  {engine.Keep * 2, "variant", ""},
		"with a wrong digit":  {engine.Keep * 2, "digit", ""},
		"with a wrong dash":   {engine.Keep * 2, "dash", ""},
	} {
		l := newTape(t, counter())
		l.now = begin.Truncate(time.Millisecond)
		id := uuid(l.now.Add(-c.made), 1)
		switch c.more {
		case "cut":
			id = id[:35]
		case "capitals":
			id = strings.ToUpper(id)
		case "version":
			id = id[:14] + "4" + id[15:]
		case "variant":
			id = id[:19] + "c" + id[20:]
		case "digit":
			id = id[:35] + "g"
		case "dash":
			id = id[:13] + "0" + id[14:]
		default:
			id += c.more
		}
		r := l.one("a", addOnce("ann", id, "x", 1))
		if code(r.Err) != c.want {
			t.Errorf("%s: %v", name, r.Err)
		}
		if c.want == api.FailedPrecondition && api.ReasonOf(r.Err) != api.ReasonRequestExpired {
			t.Errorf("%s: %v", name, r.Err)
		}
	}
}

// TestNoUUIDIsCarriedOutTwice: an id of a clock that is ahead is kept for longer, so that it is too old when it is forgotten.
func TestNoUUIDIsCarriedOutTwice(t *testing.T) {
	for _, ahead := range []time.Duration{-engine.Keep, -time.Minute, 0, time.Second, time.Minute, 59 * time.Minute, time.Hour} {
		l := newTape(t, counter())
		l.now = begin.Truncate(time.Millisecond)
		c := addOnce("ann", uuid(l.now.Add(ahead), 1), "x", 1)
		for range 100 {
			l.one("a", c)
			l.after(time.Minute)
		}
		if x := l.e.State().Values["x"]; x != 1 {
			t.Errorf("an id %s ahead was carried out %d times", ahead, x)
		}
		if n, _ := l.e.Kept(); n != 0 {
			t.Errorf("an id %s ahead is kept for ever", ahead)
		}
		l.replay(counter())
	}
}

func TestKeptAnswersAreBounded(t *testing.T) {
	m := counter()
	big := make([]byte, 1<<20)
	m.Rules = map[int]engine.Rules[*counts]{1: {Evolve: evolve(1), Decide: func(s *counts, c engine.Command) engine.Decision {
		d := decide(s, c)
		if c.ID != "" {
			d.Answer = big
		}
		return d
	}}}
	l := newTape(t, m)
	refused := -1
	for i := range engine.MaxKept/len(big) + 2 {
		if r := l.one("a", addOnce("ann", fmt.Sprint(i), "x", 1)); code(r.Err) == api.Overloaded {
			refused = i
			break
		}
	}
	if refused < engine.MaxKept/2/len(big)-1 {
		t.Fatalf("request %d was refused", refused)
	}
	for i := range engine.MaxKept / len(big) { // whose ids tell their time suffer nothing from those whose ids do not
		l.after(100 * time.Millisecond)
		if r := l.one("a", addOnce("ann", uuid(l.now, byte(i)), "x", 1)); r.Err != nil {
			t.Fatalf("request %d with the time in its id: %v", i, r.Err)
		}
	}
	if r := l.one("a", add("x", 1)); r.Err != nil {
		t.Errorf("without an id: %v", r.Err)
	}
	if r := l.one("a", addOnce("ann", "3", "x", 1)); !r.Repeated {
		t.Errorf("an answer that is kept: %+v", r)
	}
	if r := l.after(engine.Keep+1).one("a", addOnce("ann", fmt.Sprint(refused), "x", 1)); r.Err != nil || r.Repeated {
		t.Errorf("what was overloaded is to be carried out when there is room: %+v", r)
	}
}

// When answers take too much, the oldest are dropped, and what they were given for is refused from then on: nothing is carried out twice.
func TestOldAnswersMakeRoom(t *testing.T) {
	m := counter()
	big := make([]byte, 1<<20)
	m.Rules = map[int]engine.Rules[*counts]{1: {Evolve: evolve(1), Decide: func(s *counts, c engine.Command) engine.Decision {
		d := decide(s, c)
		d.Answer = big
		return d
	}}}
	l := newTape(t, m)
	l.now = begin.Truncate(time.Millisecond)
	const fits = engine.MaxKept >> 20
	var ids []string
	for i := range 2 * fits {
		l.after(100 * time.Millisecond)
		ids = append(ids, uuid(l.now, byte(i)))
		if r := l.one("a", addOnce("ann", ids[i], "x", 1)); r.Err != nil {
			t.Fatalf("request %d: %v", i, r.Err)
		}
		if i == fits+fits/2 {
			l.e = restore(t, m, snapshot(t, l.e))
		}
	}
	if r := l.one("a", addOnce("ann", ids[len(ids)-1], "x", 1)); !r.Repeated {
		t.Errorf("the last one again: %+v", r.Err)
	}
	for i, id := range ids {
		if r := l.one("a", addOnce("ann", id, "x", 1)); !r.Repeated && api.ReasonOf(r.Err) != api.ReasonRequestExpired {
			t.Fatalf("request %d again: %v", i, r.Err)
		}
	}
	if x := l.e.State().Values["x"]; x != 2*fits {
		t.Errorf("%d of %d requests were carried out", x, 2*fits)
	}
	// Answers younger than what a repetition takes are not dropped.
	for i := range 2 * fits {
		if r := l.one("a", addOnce("ann", uuid(l.now, byte(i)), "y", 1)); code(r.Err) == api.Overloaded {
			return
		}
	}
	t.Error("answers of this moment were dropped")
}

func TestPanicChangesNothing(t *testing.T) {
	l := newTape(t, counter())
	l.do("a", add("x", 1))
	want := l.e.State().Decided
	a := l.do("a", engine.Command{Kind: "panic", Key: "boom"}, add("x", 1))
	if r := a.Replies[0]; code(r.Err) != api.Internal || r.Panic != "panic: boom at 1" {
		t.Errorf("%+v", r)
	}
	if got := l.e.State().Decided; got != want+1 || a.Replies[1].Err != nil {
		t.Errorf("%d decided, then %+v", got, a.Replies[1])
	}
	// The text of a panic may hold an address, which is not the same everywhere: it must not be in the hash.
	m := counter()
	rules := m.Rules[1]
	m.Rules[1] = engine.Rules[*counts]{Evolve: rules.Evolve, Decide: func(s *counts, c engine.Command) engine.Decision {
		if c.Kind == "panic" {
			panic("something else")
		}
		return rules.Decide(s, c)
	}}
	l.replay(m)
}
