package reputation_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// world is a state of which every command is its own draft, which is applied if it is not refused.
type world struct {
	*reputation.State
	now  time.Time
	refs int
}

func newWorld() *world { return &world{State: reputation.New(), now: start} }

func (w *world) record(r reputation.Record) error {
	d := w.Draft()
	if r.Ref == "" {
		w.refs++
		r.Ref = fmt.Sprint("r", w.refs)
	}
	if err := d.Record(w.now, r); err != nil {
		return err
	}
	d.Apply()
	return nil
}

func (w *world) score(agent, domain string) api.Decimal { return w.Draft().Score(agent, domain, w.now) }

func (w *world) of(agent, domain string) api.Reputation { return w.Draft().Of(agent, domain, w.now) }

func (w *world) rank(domain string, records, limit int) (places []api.ReputationPlace, ranked int) {
	all := w.Candidates(domain, records)
	return reputation.Rank(all, limit, w.now), len(all)
}

func (w *world) penalise(agent, violation, ref string) (api.Decimal, error) {
	d := w.Draft()
	score, err := d.Penalise(w.now, agent, "", violation, ref)
	if err == nil {
		d.Apply()
	}
	return score, err
}

func (w *world) must(t interface {
	Helper()
	Fatal(...any)
}, r reputation.Record,
) {
	t.Helper()
	if err := w.record(r); err != nil {
		t.Fatal(err)
	}
}

// plain is a record by an operator with the same quality and satisfaction.
func plain(agent string, q api.Decimal) reputation.Record {
	return reputation.Record{Agent: agent, By: "op", Quality: q, Satisfaction: q, CostEfficiency: q, Source: api.SourceOperator}
}

func TestThePriorWhenNothingIsKnown(t *testing.T) {
	w := newWorld()
	if got := w.score("nobody", "sums"); got != reputation.Prior {
		t.Error(got)
	}
	p := w.Draft().Profile("nobody", w.now)
	if p.Score != reputation.Prior || p.Raw != 0 || p.Consistency != 0 || p.Records != 0 || p.Specialisations == nil {
		t.Errorf("%+v", p)
	}
}

// The numbers of the reference, without the prior, and the scores, with it.
func TestRawAndScore(t *testing.T) {
	w := newWorld()
	w.must(t, reputation.Record{Agent: "a", By: "op", Quality: 950_000, Satisfaction: 920_000, Source: api.SourceOperator})
	if p := w.of("a", ""); p.Raw != 935_000 || p.Score != 645_000 { // (2*0.5 + 0.935) / 3
		t.Errorf("raw %v, score %v", p.Raw, p.Score)
	}
	for i, row := range []struct{ quality, raw, score api.Decimal }{
		{600_000, 600_000, 533_333}, // (1 + 0.6) / 3
		{700_000, 651_282, 574_684}, // (1 + 0.7 + 0.95*0.6) / (2 + 1.95)
		{800_000, 703_418, 619_578}, // ...
		{850_000, 742_929, 657_838},
	} {
		w.must(t, plain("b", row.quality))
		if p := w.of("b", ""); p.Raw != row.raw || p.Score != row.score || p.Records != i+1 {
			t.Errorf("%v: raw %v, want %v; score %v, want %v", row.quality, p.Raw, row.raw, p.Score, row.score)
		}
	}
}

func TestTheMeans(t *testing.T) {
	w := newWorld()
	for i, q := range []api.Decimal{400_000, 800_000} {
		w.must(t, reputation.Record{
			Agent: "a", By: "op", Domain: "sums", Source: api.SourceOperator, Quality: q, Satisfaction: api.One, CostEfficiency: 100_000 * api.Decimal(i),
		})
		if p := w.of("a", "sums"); i == 0 && p.Consistency != api.One {
			t.Errorf("one record is consistent, have %v", p.Consistency)
		}
	}
	w.must(t, plain("a", 0))
	p := w.of("a", "sums")
	if p.Quality != 600_000 || p.Satisfaction != api.One || p.CostEfficiency != 50_000 || p.Consistency != 960_000 {
		t.Errorf("%+v", p)
	}
	if p.Records != 2 || p.History != 2 || p.Version != 3 {
		t.Errorf("%+v", p)
	}
	if p := w.of("a", ""); p.Records != 3 || p.Quality != 400_000 {
		t.Errorf("%+v", p)
	}
	if p := w.of("a", "other"); p.Score != reputation.Prior || p.Records != 0 {
		t.Errorf("%+v", p)
	}
}

func TestASpecialisationTakesRecordsAndAScore(t *testing.T) {
	w := newWorld()
	for i := range 3 {
		if got := w.of("a", "").Specialisations; len(got) != 0 {
			t.Fatalf("%v after %d records", got, i)
		}
		for domain, q := range map[string]api.Decimal{"sums": 900_000, "art": 400_000} {
			r := plain("a", q)
			r.Domain = domain
			w.must(t, r)
		}
	}
	if got := w.of("a", "").Specialisations; len(got) != 1 || got[0] != "sums" {
		t.Error(got)
	}
}

// A score goes back to the prior by itself, and a penalty is forgotten.
func TestTimeBringsBackThePrior(t *testing.T) {
	w := newWorld()
	w.must(t, plain("good", api.One))
	if _, err := w.penalise("bad", "quality_fraud", "v1"); err != nil {
		t.Fatal(err)
	}
	good, bad := w.score("good", ""), w.score("bad", "")
	if good != 666_667 || bad != 200_000 {
		t.Fatalf("%v and %v", good, bad)
	}
	for w.now = start.Add(day); w.now.Before(start.Add(1500 * day)); w.now = w.now.Add(50 * day) {
		g, b := w.score("good", ""), w.score("bad", "")
		if g > good || g < reputation.Prior || b < bad || b > reputation.Prior {
			t.Fatalf("at %v: %v after %v, %v after %v", w.now, g, good, b, bad)
		}
		good, bad = g, b
	}
	if good != reputation.Prior || bad != reputation.Prior {
		t.Errorf("%v and %v are left", good, bad)
	}
	if len(w.Draft().Changed()) != 0 {
		t.Error("a read changes something")
	}
}

// What is read after some days does not depend on whether something was written on the way, but for rounding.
func TestFadingDoesNotDependOnWrites(t *testing.T) {
	often, seldom := newWorld(), newWorld()
	for _, w := range []*world{often, seldom} {
		w.must(t, plain("a", 900_000))
	}
	for range 60 {
		often.now = often.now.Add(day)
		r := plain("b", 100_000) // fades what is kept of "op"
		often.must(t, r)
		d := often.Draft()
		if _, err := d.Penalise(often.now, "a", "", "x", fmt.Sprint("v", often.now.Unix())); err != nil {
			t.Fatal(err)
		}
		// thrown away
	}
	seldom.now = often.now
	if a, b := often.score("a", ""), seldom.score("a", ""); a != b {
		t.Errorf("%v and %v", a, b)
	}
}
