package run_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/pbft"
	"github.com/mabus-project/mabus/shared/pbft/run"
)

func TestAllHonest(t *testing.T) {
	for _, n := range []int{1, 4, 7} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := newSession(t, n)
			wait := s.start(t, seq(0, n), nil)
			if v := s.agreed(t, wait()); v != "value-0" {
				t.Errorf("decided %q, want the first primary's value", v)
			}
		})
	}
}

// The first primaries never run.
func TestSilentMembers(t *testing.T) {
	for n, silent := range map[int]int{4: 1, 7: 2} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := newSession(t, n)
			wait := s.start(t, seq(silent, n), func(_ int, o *run.Options) { o.Timeout = 2 * time.Second })
			if v := s.agreed(t, wait()); v != fmt.Sprint("value-", silent) {
				t.Errorf("decided %q, want that of the first primary who runs", v)
			}
		})
	}
}

// The first primary proposes many values at once, votes for every proposal it hears of, and claims decisions.
func TestALyingMember(t *testing.T) {
	for _, n := range []int{4, 7} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := newSession(t, n)
			liar := speaker{t, s, s.srv.Connect(t), 0}
			var said atomic.Int64
			liar.listen(func(m *pbft.Message) {
				if said.Add(1) > 500 {
					return
				}
				liar.say(pbft.Message{Kind: pbft.PrePrepare, View: m.View, Seq: 1, Value: fmt.Appendf(nil, "value-lie-%d", said.Load()%2)})
				liar.say(pbft.Message{Kind: pbft.Prepare, View: m.View, Seq: 1, Digest: m.Digest})
				liar.say(pbft.Message{Kind: pbft.Commit, View: m.View, Seq: 1, Digest: m.Digest})
				liar.say(pbft.Message{Kind: pbft.ViewChange, View: m.View + 1})
				liar.say(pbft.Message{Kind: pbft.NewView, View: uint64(n)})
				liar.say(pbft.Message{Kind: pbft.Decided, View: m.View, Seq: 1, Value: []byte("value-made-up"), Sigs: []pbft.Part{{Member: 0, Sig: make([]byte, 64)}}})
			})
			wait := s.start(t, seq(1, n), func(_ int, o *run.Options) { o.Timeout = 200 * time.Millisecond })
			if v := s.agreed(t, wait()); v == "value-made-up" {
				t.Errorf("decided %q", v)
			}
			if said.Load() == 0 {
				t.Error("the liar heard nothing")
			}
		})
	}
}

// What the first primary proposes is not valid: the others go on to the next.
func TestAnInvalidProposal(t *testing.T) {
	s := newSession(t, 4)
	wait := s.start(t, seq(0, 4), func(i int, o *run.Options) {
		o.Timeout = 2 * time.Second
		if i == 0 {
			o.Value = []byte("nonsense")
		}
	})
	if v := s.agreed(t, wait()); v != "value-1" {
		t.Errorf("decided %q, want the second primary's value", v)
	}
}

// A member that comes after the decision gets the certificate from one who lingers; so does one that runs as a learner.
func TestALateMember(t *testing.T) {
	for _, learner := range []bool{false, true} {
		t.Run(fmt.Sprint("learner ", learner), func(t *testing.T) {
			s := newSession(t, 4)
			var decided atomic.Int64
			wait := s.start(t, seq(0, 3), func(_ int, o *run.Options) {
				o.OnDecided = func(*pbft.Certificate) { decided.Add(1) }
			})
			natstest.Eventually(t, patience, func() bool { return decided.Load() == 3 }, "three members have decided")
			late := s.start(t, []int{3}, func(_ int, o *run.Options) { o.Learner = learner })()
			if v := s.agreed(t, late); v != "value-0" {
				t.Errorf("the late member has %q", v)
			}
			s.agreed(t, wait())
		})
	}
}

// Junk on the subject, and a session of the same name in another namespace, are no trouble.
func TestOthersOnTheSubject(t *testing.T) {
	s := newSession(t, 4)
	nc := s.srv.Connect(t)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				_ = nc.Publish(run.Subject("mabus", "s1"), fmt.Appendf(nil, "junk %d", i))
			}
		}
	}()
	here := s.start(t, seq(0, 4), nil)
	there := s.start(t, seq(0, 4), func(i int, o *run.Options) {
		o.Namespace, o.Value = "other", fmt.Appendf(nil, "value-other-%d", i)
	})
	if v := s.agreed(t, here()); v != "value-0" {
		t.Errorf("decided %q", v)
	}
	if v := s.agreed(t, there()); v != "value-other-0" {
		t.Errorf("decided %q in the other namespace", v)
	}
	close(stop)
	<-done
}

// A validator that cannot tell is asked again.
func TestAValidatorInTrouble(t *testing.T) {
	s := newSession(t, 4)
	var asked atomic.Int64
	wait := s.start(t, seq(0, 3), func(_ int, o *run.Options) {
		o.Valid = func(context.Context, []byte) (bool, error) {
			if asked.Add(1) <= 2 {
				return false, errors.New("not now")
			}
			return true, nil
		}
	})
	if v := s.agreed(t, wait()); v != "value-0" {
		t.Errorf("decided %q", v)
	}
	if asked.Load() < 4 {
		t.Errorf("asked %d times, want both members' validators asked again", asked.Load())
	}
}

func TestWithoutADecision(t *testing.T) {
	s := newSession(t, 4)
	nc := s.srv.Connect(t)
	block := func(ctx context.Context, _ []byte) (bool, error) { <-ctx.Done(); return false, ctx.Err() }
	for _, c := range []struct {
		name string
		code api.Code
		end  func(context.Context) (context.Context, context.CancelFunc)
	}{
		{"deadline", api.DeadlineExceeded, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 50*time.Millisecond)
		}},
		{"cancelled", api.Cancelled, func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(50*time.Millisecond, cancel)
			return ctx, cancel
		}},
		{"closed", api.Unavailable, func(ctx context.Context) (context.Context, context.CancelFunc) {
			time.AfterFunc(50*time.Millisecond, nc.Close)
			return context.WithCancel(ctx)
		}},
		{"closed before", api.Unavailable, context.WithCancel},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := c.end(t.Context())
			defer cancel()
			o := s.options(nc, 0)
			o.Valid = block
			cert, err := run.Run(ctx, o)
			if cert != nil || api.CodeOf(err) != c.code {
				t.Errorf("%v, %v; want %s", cert, err, c.code)
			}
		})
	}
}

func TestBadOptions(t *testing.T) {
	s := newSession(t, 4)
	nc := s.srv.Connect(t)
	for name, c := range map[string]struct {
		code   api.Code
		reason string
		change func(*run.Options)
	}{
		"no connection":    {api.Invalid, "", func(o *run.Options) { o.Conn = nil }},
		"no validator":     {api.Invalid, "", func(o *run.Options) { o.Valid = nil }},
		"no key":           {api.Invalid, "", func(o *run.Options) { o.Key = nil }},
		"another's key":    {api.Invalid, "", func(o *run.Options) { o.Key = s.keys[1] }},
		"no such member":   {api.Invalid, "", func(o *run.Options) { o.Self = "x" }},
		"bad namespace":    {api.Invalid, "", func(o *run.Options) { o.Namespace = "a.b" }},
		"bad session":      {api.Invalid, "", func(o *run.Options) { o.Session = "*" }},
		"too large":        {api.Invalid, "", func(o *run.Options) { o.Value = make([]byte, pbft.MaxValue+1) }},
		"too few members":  {api.FailedPrecondition, pbft.ReasonInsufficientAgents, func(o *run.Options) { o.Members = o.Members[:2] }},
		"too much to bear": {api.FailedPrecondition, pbft.ReasonInsufficientAgents, func(o *run.Options) { o.F = 2 }},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.options(nc, 0)
			c.change(&o)
			if _, err := run.Run(t.Context(), o); api.CodeOf(err) != c.code || api.ReasonOf(err) != c.reason {
				t.Errorf("%v; want %s %s", err, c.code, c.reason)
			}
		})
	}
}
