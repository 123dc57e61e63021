package replog_test

import (
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// Rules that go by the order of a map are found out by the next batch of another replica.
func TestMapOrderIsFoundOut(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	cfg := base()
	m := machine(1, 1)
	m.Rules[1] = engine.Rules[*accounts]{Decide: decide(true), Evolve: evolve}
	cfg.Machine = m
	ls := []*replica{run(t, srv.URL(), cfg), run(t, srv.URL(), cfg)}
	for i := range 100 {
		do(t, ls[0], add(strconv.Itoa(i), 1))
	}
	equal(t, ls...)
	a := do(t, ls[0], engine.Command{Kind: "list"})
	// The next batch, whoever writes it: replica 1 has seen the entry, and its claim is another one.
	natstest.Eventually(t, patience, func() bool { return ls[1].Status().Seq >= a.Seq }, "the other has applied it")
	_, _ = ls[1].Do(within(t, patience), add("x", 1)) // its answer may be lost when it leaves
	natstest.Eventually(t, patience, func() bool { return ls[0].Status().Contradictions > 0 }, "the first replica hears of it")
}

// A writer that claims what is not so makes the others build their state anew, once, and they go on.
func TestWrongClaims(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	others := []*replica{run(t, srv.URL(), base()), run(t, srv.URL(), base())}
	var lie atomic.Bool
	cfg := base()
	replog.Tamper(&cfg, func(b *engine.Batch) {
		if lie.Load() {
			b.Claim[0]++
		}
	})
	liar := run(t, srv.URL(), cfg)
	do(t, others[0], add("a", 1))
	lie.Store(true)
	for range 5 {
		natstest.Eventually(t, patience, func() bool {
			_, err := liar.Do(within(t, patience), add("a", 1))
			return err == nil
		}, "the liar's command is carried out")
	}
	for i, l := range others {
		natstest.Eventually(t, patience, func() bool { return l.Status().Contradictions >= 5 && l.Ready() }, "replica %d goes on", i)
		if s := l.Status(); s.Rebuilds != 1 {
			t.Errorf("replica %d: %+v", i, s)
		}
	}
	lie.Store(false)
	do(t, liar, add("a", 1))
	do(t, others[1], add("a", 1))
	equal(t, append(others, liar)...)

	// One that comes later is told of the lies, and that others agree with it.
	equal(t, append(others, run(t, srv.URL(), base()))...)
}

// A replica whose own state is wrong is the one that leaves, and comes back with the right one.
func TestWrongState(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	cfg := base()
	at := stoppable(&cfg)
	ls := []*replica{run(t, srv.URL(), base()), run(t, srv.URL(), base()), run(t, srv.URL(), cfg)}
	do(t, ls[2], add("a", 1))
	equal(t, ls...)
	at.stop(t, ls[2]) // while its state is wrong it must not tell the others unasked that it is there, since then they would be in doubt
	ls[2].Spoil(func(s *accounts) { s.Counters["a"] = 100 })
	a := do(t, ls[0], add("a", 1)) // of which replica 2 thinks otherwise
	if string(a.Body) != "2" {
		t.Fatalf("counted to %s", a.Body)
	}
	natstest.Eventually(t, patience, func() bool { return ls[1].Status().Seq >= a.Seq }, "replica 1 has applied it, so that its next claim tells")
	do(t, ls[1], add("b", 1))
	natstest.Eventually(t, patience, func() bool { return ls[2].Status().Rebuilds == 1 && ls[2].Ready() }, "the wrong replica builds its state anew")
	if got := look(t, ls[2], func(s *accounts) int { return s.Counters["a"] }); got != 2 {
		t.Errorf("it has %d", got)
	}
	equal(t, ls...)
	for i, l := range ls[:2] {
		if s := l.Status(); s.Rebuilds > 0 {
			t.Errorf("replica %d: %+v", i, s)
		}
	}
}

func TestPlantedPanic(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	ls := three(t, srv.URL(), base())
	for _, l := range ls {
		if _, err := ask(t, l, engine.Command{Kind: "panic"}); api.CodeOf(err) != api.Internal {
			t.Errorf("a panic came as %v", err)
		}
	}
	for _, l := range ls {
		do(t, l, add("a", 1))
	}
	equal(t, ls...)
}

func TestJunkInTheLog(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	ls := three(t, srv.URL(), base())
	js := dial(t, srv.URL()).JS
	for _, junk := range []string{"", "junk", "mlog\x02\xff\xff\xff\xff\xff"} {
		if _, err := js.Publish(within(t, patience), ls[0].Subject(), []byte(junk)); err != nil {
			t.Fatal(err)
		}
		do(t, ls[0], add("a", 1))
	}
	equal(t, append(ls, run(t, srv.URL(), base()))...)
}
