package reputationsim

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
)

// report collects the rows of the table in the package comment.
type report struct {
	t    *testing.T
	rows []string
}

// row adds a row, and checks what has to hold of it.
func (r *report) row(what string, guarded, naive string, holds bool) {
	r.t.Helper()
	line := fmt.Sprintf("%-49s  %-11s  %s", what, guarded, naive)
	r.rows = append(r.rows, strings.TrimRight(line, " "))
	if !holds {
		r.t.Errorf("out of bounds: %s", line)
	}
}

func (v view) String() string { return fmt.Sprintf("%s  #%d", two(v.score), v.place) }

func two(d api.Decimal) string { return fmt.Sprintf("%d.%03d", d/api.One, d%api.One/1000) }

func town1(t *testing.T) *town {
	t.Helper()
	return townOf(t, 7)
}

func townOf(t *testing.T, seed uint64) *town {
	t.Helper()
	w, err := settle(seed)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ring has each member praise each other one, round after round, and every third deal of a member be an honest one with a resident. It
// returns the fees that were paid.
func ring(t *testing.T, w *town, ids []string, rounds int, price, fee api.Micro) (paid api.Micro) {
	t.Helper()
	for range rounds {
		for i, a := range ids {
			must(t, w.trade(w.someone(), a))
			for step := 1; step < min(len(ids), 6); step++ {
				must(t, w.say(ids[(i+step)%len(ids)], a, api.One, price, fee))
				paid += fee
			}
		}
		w.now = w.now.Add(time.Hour)
	}
	return paid
}

// TestTheTable runs every attack, and checks that the package comment tells what comes of it.
func TestTheTable(t *testing.T) {
	r := &report{t: t}
	r.row("", "guarded", "reference", true)
	w := town1(t)
	best, bestNaive := w.look(w.honest[residents-1])
	middle, middleNaive := w.look(w.honest[residents/2])
	r.row("the best resident (0.95)", best.String(), bestNaive.String(), best.score > 750_000 && best.place <= 5)
	r.row("the middle one (0.73)", middle.String(), middleNaive.String(), middle.score > 600_000)
	disorder := w.disorder()
	r.row("pairs of residents in the wrong order", two(disorder), "", disorder < 50_000)

	for _, k := range []int{2, 10, 100, 1000} {
		w := town1(t)
		ids := w.members(k)
		ring(t, w, ids, 3, 20*1_000_000, 0)
		g, n := w.look(ids[k-1])
		r.row(fmt.Sprintf("a ring of %d (0.2), deals of 20 without fees", k), g.String(), n.String(), g.score <= 600_000 && g.place > residents/2)
	}
	for _, k := range []int{10, 100} {
		w := town1(t)
		ids := w.members(k)
		paid := ring(t, w, ids, 3, 20*1_000_000, 20*1_000_000/feeShare)
		g, n := w.look(ids[k-1])
		r.row(fmt.Sprintf("a ring of %d that pays %d in fees", k, paid/1_000_000), g.String(), n.String(), g.score < best.score-100_000 && n.score > g.score+150_000)
	}
	pairs(t, r)
	star(t, r)
	whitewash(t, r)
	traitor(t, r)
	slander(t, r)

	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	want := "//\t" + strings.Join(r.rows, "\n//\t") + "\n"
	if !strings.Contains(string(doc), want) {
		t.Errorf("the package comment has another table; this is what came out:\n%s", want)
	}
}

// Two who rate each other, with deals on which they pay fees, and besides work badly for residents.
func pairs(t *testing.T, r *report) {
	t.Helper()
	w := town1(t)
	ids := w.members(2)
	var paid api.Micro
	for range 40 {
		for i, a := range ids {
			must(t, w.say(ids[1-i], a, api.One, 5_000_000, 5_000_000/feeShare))
			must(t, w.trade(w.someone(), a))
			paid += 5_000_000 / feeShare
		}
		w.now = w.now.Add(time.Hour)
	}
	g, n := w.look(ids[0])
	r.row(fmt.Sprintf("a pair (0.2) that pays %d in fees", paid/1_000_000), g.String(), n.String(), g.score < 450_000)
}

// A thousand new identities that praise one of them once each.
func star(t *testing.T, r *report) {
	t.Helper()
	w := town1(t)
	ids := w.members(1001)
	for _, by := range ids[1:] {
		must(t, w.say(by, ids[0], api.One, 20_000_000, 0))
	}
	g, n := w.look(ids[0])
	r.row("one whom 1000 new identities praise", g.String(), n.String(), g.score <= 600_000)
}

// Somebody who has worked badly, and was penalised, comes back under another name.
func whitewash(t *testing.T, r *report) {
	t.Helper()
	w := town1(t)
	old := w.members(1)[0]
	for range 40 {
		must(t, w.trade(w.someone(), old))
	}
	d := w.state.Draft()
	if _, err := d.Penalise(w.now, old, "", "quality_fraud", "v1"); err != nil {
		t.Fatal(err)
	}
	d.Apply()
	g, n := w.look(old)
	r.row("a cheat (0.2), with a penalty", g.String(), n.String(), g.score < 100_000)
	must(t, w.say("new-0", "new-1", api.One, 1, 0)) // known by a record, not more
	g, n = w.look("new-1")
	middle, _ := w.look(w.honest[residents/2])
	r.row("the cheat under a new name, one praise", g.String(), n.String(), g.score < middle.score && g.score < 520_000)
	for i := range 10 {
		must(t, w.say(fmt.Sprint("new-", i+2), "new-1", api.One, 20_000_000, 0))
	}
	for _, p := range reputation.Rank(w.state.Candidates("", 10), residents/2, w.now) {
		if p.Agent == "new-1" {
			t.Errorf("the new name is at place %d", p.Place)
		}
	}
}

// Somebody works well for a long time, and then badly: after how many deals is the score below 0.5?
func traitor(t *testing.T, r *report) {
	t.Helper()
	w := town1(t)
	const id = "traitor"
	w.quality[id] = 900_000
	for range 100 {
		must(t, w.trade(w.someone(), id))
	}
	w.quality[id] = 100_000
	guarded, naive := 0, 0
	for i := 1; guarded == 0 || naive == 0; i++ {
		must(t, w.trade(w.someone(), id))
		g, n := w.look(id)
		if guarded == 0 && g.score < 500_000 {
			guarded = i
		}
		if naive == 0 && n.score < 500_000 {
			naive = i
		}
		if i > 200 {
			t.Fatal("the traitor is never found out")
		}
	}
	r.row("bad deals of a traitor until it is below 0.5", fmt.Sprint(guarded), fmt.Sprint(naive), guarded <= 30)
}

// A ring says the worst of the best resident.
func slander(t *testing.T, r *report) {
	t.Helper()
	w := town1(t)
	victim := w.honest[residents-1]
	before, _ := w.look(victim)
	for _, by := range w.members(100) {
		must(t, w.say(by, victim, 0, 20_000_000, 0))
	}
	g, n := w.look(victim)
	r.row("the best resident, whom a ring of 100 slanders", g.String(), n.String(), g.score > before.score-100_000 && g.place < residents/2)
}

// What the table tells of one town holds in others.
func TestOtherTowns(t *testing.T) {
	for seed := uint64(100); seed < 108; seed++ {
		w := townOf(t, seed)
		best, _ := w.look(w.honest[residents-1])
		if d := w.disorder(); d > 50_000 || best.place > 10 {
			t.Errorf("town %d: %v of the pairs are in the wrong order, the best is %v", seed, d, best)
		}
		ids := w.members(10)
		ring(t, w, ids, 3, 20*1_000_000, 0)
		for _, id := range ids {
			if g, n := w.look(id); g.score > 580_000 || g.place <= residents*2/3 || n.score < 750_000 {
				t.Errorf("town %d: %s of the ring is %v, and was %v", seed, id, g, n)
			}
		}
	}
}
