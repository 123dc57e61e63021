package refusal_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/refusal"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// stored is what was published.
type stored struct {
	mu       sync.Mutex
	refusals []api.Refusal
	subjects []string
}

func (s *stored) publish(_ context.Context, msg *nats.Msg) error {
	var e api.Event
	var r api.Refusal
	if err := codec.Read(msg.Data, &e); err != nil {
		return err
	}
	if err := codec.Read(e.Data, &r); err != nil {
		return err
	}
	if e.Type != api.EventRefused || e.Source != "/mabus/test" || e.Principal != r.Principal || e.ID == "" || e.ID != msg.Header.Get(nats.MsgIdHdr) {
		return fmt.Errorf("the event %+v", e)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals, s.subjects = append(s.refusals, r), append(s.subjects, msg.Subject)
	return nil
}

func (s *stored) total() (n int) {
	for _, r := range s.refusals {
		n += r.Count + r.LeftOut
	}
	return n
}

// However many are refused, by however many ways, a second has MaxEvents events at most, and none is uncounted.
func TestAllAreCountedAndFewAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // so that it is one second, however slow the machine
		var s stored
		teller := refusal.New("mabus", "test", s.publish, zerolog.Nop())
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for n := range 1000 {
					teller.Add(api.Refusal{Principal: fmt.Sprintf("p%d", g), What: fmt.Sprintf("a.b.c%d", n%50), Code: api.PermissionDenied, Count: 7, LeftOut: 7})
				}
			})
		}
		wg.Wait()
		teller.Close()
		if s.total() != 4000 {
			t.Errorf("%d of 4000 were counted", s.total())
		}
		if n := len(s.refusals); n != refusal.MaxEvents {
			t.Errorf("%d events", n)
		}
		teller.Add(api.Refusal{What: "late"}) // is not told, and does no harm
		teller.Close()
	})
}

func TestWhoCannotBeASubject(t *testing.T) {
	var s stored
	teller := refusal.New("mabus", "test", s.publish, zerolog.Nop())
	for _, p := range []string{"", "a.b", ">", strings.Repeat("x", 65), "ann"} {
		teller.Add(api.Refusal{Principal: p, What: "x"})
	}
	teller.Close()
	for i, subject := range s.subjects {
		want := "mabus.event.test.security.-"
		if s.refusals[i].Principal == "ann" {
			want = "mabus.event.test.security.ann"
		}
		if subject != want {
			t.Errorf("%q is told on %s", s.refusals[i].Principal, subject)
		}
	}
	if len(s.subjects) != 5 {
		t.Errorf("%d events", len(s.subjects))
	}
}

// What is left out is told of who was refused it, whoever else was refused something in that second.
func TestWhoseRefusalsAreLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stored
		teller := refusal.New("mabus", "test", s.publish, zerolog.Nop())
		for n := range refusal.MaxEvents - 1 {
			teller.Add(api.Refusal{Principal: "ann", What: fmt.Sprint("x", n)})
		}
		teller.Add(api.Refusal{Principal: "bob", What: "y"})
		for n := range 100 {
			teller.Add(api.Refusal{Principal: "ann", What: fmt.Sprint("z", n)})
		}
		teller.Add(api.Refusal{Principal: "ann", What: "x0"})
		teller.Add(api.Refusal{Principal: "eve", What: "y"})
		teller.Close()
		of := map[string]int{}
		for _, r := range s.refusals {
			of[r.Principal] += r.Count + r.LeftOut
		}
		if of["ann"] != refusal.MaxEvents+100 || of["bob"] != 2 {
			t.Errorf("%v: bob's has eve's beside it, who has no event", of)
		}
	})
}

// A subject may hold any bytes: whoever tries doors with such is told of like everybody. So are those of whom only the number is known.
func TestNobodyHidesBehindBytes(t *testing.T) {
	var s stored
	teller := refusal.New("mabus", "test", s.publish, zerolog.Nop())
	teller.Lose(7)
	teller.Add(api.Refusal{Principal: "ann", What: "mabus.\xff", Code: api.PermissionDenied})
	teller.Close()
	if len(s.refusals) != 1 || s.refusals[0].What != "mabus.\uFFFD" || s.refusals[0].LeftOut != 7 {
		t.Errorf("%+v", s.refusals)
	}
}

// What cannot be stored is logged with its count, and the end does not wait for a store that is away.
func TestNothingIsStored(t *testing.T) {
	var log strings.Builder
	teller := refusal.New("mabus", "test", func(ctx context.Context, _ *nats.Msg) error {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the store may take for ever")
		}
		return errors.New("away")
	}, zerolog.New(&log))
	teller.Add(api.Refusal{Principal: "ann", What: "x"})
	teller.Close()
	if !strings.Contains(log.String(), `"count":1`) || !strings.Contains(log.String(), `"ann"`) {
		t.Errorf("the log has %q", log.String())
	}
}

// What operators have done is told one by one, with what it was done to, also when the store was away for a while: each once.
func TestWhatOperatorsDoIsToldOneByOne(t *testing.T) {
	var mu sync.Mutex
	var got []api.Event
	away, ids := 3, map[string]int{}
	teller := refusal.NewOperated("mabus", "test", func(_ context.Context, msg *nats.Msg) error {
		mu.Lock()
		defer mu.Unlock()
		ids[msg.Header.Get(nats.MsgIdHdr)]++
		if away--; away >= 0 {
			return errors.New("away")
		}
		var e api.Event
		if err := codec.Read(msg.Data, &e); err != nil {
			return err
		}
		if msg.Subject != "mabus.event.test.security.op" || e.Principal != "op" || e.Type != api.EventOperated {
			return fmt.Errorf("%s %+v", msg.Subject, e)
		}
		got = append(got, e)
		return nil
	}, zerolog.Nop())
	for n := range 40 {
		teller.Add(api.Refusal{Principal: "op", What: "agents.stop", Entity: fmt.Sprint("a", n/2)})
	}
	natstest.Eventually(t, 30*time.Second, func() bool { mu.Lock(); defer mu.Unlock(); return len(got) == 40 }, "all are told")
	teller.Close()
	for n, e := range got {
		if e.Subject != fmt.Sprint("a", n/2) {
			t.Errorf("%d: %+v", n, e)
		}
	}
	if len(ids) != 40 {
		t.Errorf("%d ids", len(ids))
	}
}

// What comes faster than it can be told is counted.
func TestOperatorsInAHurry(t *testing.T) {
	total := 0
	teller := refusal.NewOperated("mabus", "test", func(_ context.Context, msg *nats.Msg) error {
		var e api.Event
		var r api.Refusal
		if err := errors.Join(codec.Read(msg.Data, &e), codec.Read(e.Data, &r)); err != nil {
			return err
		}
		total += r.Count + r.LeftOut
		return nil
	}, zerolog.Nop())
	for range 3 * refusal.MaxOperated {
		teller.Add(api.Refusal{Principal: "op", What: "x"})
	}
	teller.Close()
	if total != 3*refusal.MaxOperated {
		t.Errorf("%d are accounted for", total)
	}
}
