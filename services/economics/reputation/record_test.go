package reputation_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// opinion is what anybody may say of anybody.
func opinion(by, agent string, q api.Decimal) reputation.Record {
	return reputation.Record{Agent: agent, By: by, Quality: q, Satisfaction: q, CostEfficiency: q, Source: api.SourceOpinion}
}

// deal is a record at the settlement of a contract.
func deal(by, agent string, q api.Decimal, stake, fee api.Micro) reputation.Record {
	return reputation.Record{Agent: agent, By: by, Quality: q, Satisfaction: q, Stake: stake, Fee: fee}
}

func TestRecordRefuses(t *testing.T) {
	w := newWorld()
	first := opinion("b", "a", 700_000)
	first.Ref = "contract/c1"
	w.must(t, first)
	kept, _ := codec.Marshal(w.State)
	for name, row := range map[string]struct {
		change func(*reputation.Record)
		code   api.Code
		reason string
	}{
		"the same again":        {func(*reputation.Record) {}, api.Conflict, api.ReasonAlreadyRecorded},
		"other figures":         {func(r *reputation.Record) { r.Quality = 1 }, api.Conflict, api.ReasonAlreadyRecorded},
		"too good":              {func(r *reputation.Record) { r.Ref, r.Quality = "x", api.One+1 }, api.Invalid, ""},
		"50":                    {func(r *reputation.Record) { r.Ref, r.Satisfaction = "x", 50*api.One }, api.Invalid, ""},
		"below nothing":         {func(r *reputation.Record) { r.Ref, r.CostEfficiency = "x", -1 }, api.Invalid, ""},
		"itself":                {func(r *reputation.Record) { r.Ref, r.Agent = "x", "b" }, api.PermissionDenied, api.ReasonSelfRating},
		"nobody":                {func(r *reputation.Record) { r.Agent = "" }, api.Invalid, api.ReasonMissingFields},
		"by nobody":             {func(r *reputation.Record) { r.By = "" }, api.Invalid, api.ReasonMissingFields},
		"a name that is none":   {func(r *reputation.Record) { r.Agent = "a/b" }, api.Invalid, ""},
		"a domain that is none": {func(r *reputation.Record) { r.Ref, r.Domain = "x", "a b" }, api.Invalid, ""},
		"about nothing":         {func(r *reputation.Record) { r.Ref = "" }, api.Invalid, ""},
		"about too much":        {func(r *reputation.Record) { r.Ref = strings.Repeat("x", 257) }, api.Invalid, ""},
		"a stake below nothing": {func(r *reputation.Record) { r.Ref, r.Stake = "x", -1 }, api.Invalid, ""},
		"a fee beyond all":      {func(r *reputation.Record) { r.Ref, r.Fee = "x", 1<<62 }, api.Invalid, ""},
		"a time below nothing":  {func(r *reputation.Record) { r.Ref, r.Duration = "x", -1 }, api.Invalid, ""},
		"perfect in no time": {func(r *reputation.Record) {
			r.Ref, r.Quality, r.Satisfaction, r.CostEfficiency, r.Duration = "x", api.One, api.One, api.One, api.Duration(99*time.Millisecond)
		}, api.Invalid, api.ReasonGaming},
	} {
		r := first
		row.change(&r)
		d := w.Draft()
		err := d.Record(w.now, r)
		if api.CodeOf(err) != row.code || row.reason != "" && api.ReasonOf(err) != row.reason {
			t.Errorf("%s: %v", name, err)
		}
		if row.reason == api.ReasonGaming && !strings.Contains(err.Error(), "gaming") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after, _ := codec.Marshal(w.State); string(after) != string(kept) {
		t.Errorf("something has changed: %s", cmp.Diff(string(kept), string(after)))
	}
	for name, r := range map[string]reputation.Record{
		"by another": {Agent: "a", By: "c", Ref: "contract/c1", Source: api.SourceOpinion},
		"of another": {Agent: "d", By: "b", Ref: "contract/c1", Source: api.SourceOpinion},
		"perfect in a while": {
			Agent: "a", By: "c", Ref: "x", Quality: api.One, Satisfaction: api.One, CostEfficiency: api.One,
			Duration: api.Duration(100 * time.Millisecond), Source: api.SourceOpinion,
		},
		"perfect some time": {Agent: "a", By: "c", Ref: "y", Quality: api.One, Satisfaction: api.One, CostEfficiency: api.One, Source: api.SourceOpinion},
		"by an operator":    {Agent: "c", By: "c", Ref: "z", Source: api.SourceOperator},
	} {
		if err := w.record(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABurstOfOpinions(t *testing.T) {
	w := newWorld()
	for range 10 {
		w.must(t, opinion("b", "a", api.One))
		w.now = w.now.Add(time.Second)
	}
	err := w.record(opinion("b", "a", api.One))
	if api.CodeOf(err) != api.RateLimited || api.ReasonOf(err) != api.ReasonGaming || api.AsError(err).Details.RetryAfter == 0 {
		t.Errorf("%v", err)
	}
	w.must(t, opinion("c", "a", api.One))
	w.must(t, opinion("b", "d", api.One))
	w.must(t, deal("b", "a", api.One, 1, 0))
	w.now = w.now.Add(time.Minute)
	w.must(t, opinion("b", "a", api.One))
}

func TestWhatARecordWeighs(t *testing.T) {
	w := newWorld()
	for _, row := range []struct {
		name           string
		r              reputation.Record
		weight, proven api.Decimal
	}{
		{"an opinion", opinion("s1", "a", api.One), 50_000, 0},
		{"the next of the same", opinion("s1", "a", api.One), 25_000, 0},
		{"an opinion that claims a stake", reputation.Record{Agent: "a", By: "s2", Stake: 1e9, Fee: 1e9, Source: api.SourceOpinion}, 50_000, 0},
		{"of an operator", plain("a", api.One), api.One, api.One},
		{"a small deal", deal("s3", "a", api.One, 1, 0), 50_000, 0},
		{"a deal of 2.5", deal("s4", "a", api.One, 2_500_000, 0), 500_000, 0},
		{"a great deal", deal("s5", "a", api.One, 1e15, 0), api.One, 0},
		{"a deal with a fee", deal("s6", "a", api.One, 10_000_000, 300_000), api.One, 250_000},
		{"what is left of it", deal("s6", "a", api.One, 10_000_000, 0), 525_000, 50_000},
		{"nothing is left of it", deal("s6", "a", api.One, 10_000_000, 0), 333_333, 0},
		{"a fee of more than it needs", deal("s7", "a", api.One, 2_500_000, 900_000), 500_000, 250_000},
		{"more of that", deal("s7", "b", api.One, 2_500_000, 0), 500_000, 250_000},
		{"a small one about who rates it", deal("b", "s7", api.One, 2_500_000, 0), 125_000, 125_000},
	} {
		w.must(t, row.r)
		records, _ := w.Draft().History(row.r.Agent, "", 1)
		if r := records[0]; r.Weight != row.weight || r.Proven != row.proven || r.At != w.now {
			t.Errorf("%s: %v, %v of it proven, want %v, %v", row.name, r.Weight, r.Proven, row.weight, row.proven)
		}
	}
}

// What one rater has proven of an agent counts for 0.25 together, and what it says later takes the place of what it said before.
func TestOneRaterCountsOnce(t *testing.T) {
	w := newWorld()
	for range 20 {
		w.must(t, deal("b", "a", api.One, 10_000_000, 1_000_000))
	}
	if s := w.Standings["a/"]; s.Edges[0].Mass != 250_000 || s.Edges[0].Sum != 250_000 || len(s.Edges) != 1 {
		t.Errorf("%+v", s)
	}
	if p := w.of("a", ""); p.Proven != 250_000 || p.Score > 650_000 {
		t.Errorf("%+v", p)
	}
	w.must(t, deal("b", "a", 0, 225_000, 1_000_000)) // weighs 0.15
	if s := w.Standings["a/"]; s.Edges[0].Mass != 250_000 || s.Edges[0].Sum != 100_000 {
		t.Errorf("%+v", s)
	}
}

func TestManyRatersMakeRoom(t *testing.T) {
	w := newWorld()
	for i := range 100 {
		w.must(t, deal(fmt.Sprint("b", i), "a", api.One, 10_000_000, 500_000))
	}
	p := w.of("a", "")
	if p.Proven < 6_500_000 || p.Proven > 6_700_000 || p.Score < 880_000 {
		t.Errorf("%+v", p)
	}
	if n := len(w.Standings["a/"].Edges); n != 32 {
		t.Errorf("%d raters are told apart", n)
	}
}

func TestTheHistoryIsBounded(t *testing.T) {
	w := newWorld()
	for i := range 450 {
		r := plain("a", api.Decimal(i))
		r.Domain = []string{"x", "y"}[i%2]
		w.must(t, r)
		if n := len(w.Agents["a"].History); n > 204 {
			t.Fatalf("%d records are kept", n)
		}
	}
	records, _ := w.Draft().History("a", "", 1000)
	if len(records) != 100 || records[0].Quality != 449 || records[99].Quality != 350 {
		t.Errorf("%d records", len(records))
	}
	if records, _ = w.Draft().History("a", "y", 3); len(records) != 3 || records[2].Quality != 445 {
		t.Errorf("%+v", records)
	}
	if p := w.of("a", "y"); p.Records != 225 || p.History != 50 {
		t.Errorf("%+v", p)
	}
	if records, penalties := w.Draft().History("b", "", 3); records == nil || penalties == nil {
		t.Error("nothing is an empty list")
	}
}

// When the memory of all is full, an agent remembers no more than it does, and newer records take the place of its older ones.
func TestTheMemoryIsBounded(t *testing.T) {
	w := newWorld()
	for i := range 5 {
		w.must(t, plain("a", api.Decimal(i)))
	}
	if w.Totals.Remembered != 5 {
		t.Fatal(w.Totals.Remembered)
	}
	w.Totals.Remembered = api.MaxReputationMemory
	for i := range 50 {
		w.must(t, plain("a", api.Decimal(100+i)))
		if n := len(w.Agents["a"].History); n > 14 {
			t.Fatalf("%d records are kept", n)
		}
	}
	records, _ := w.Draft().History("a", "", 100)
	if len(records) != 5 || records[0].Quality != 149 || records[4].Quality != 145 || w.of("a", "").Records != 55 {
		t.Errorf("%+v", records)
	}
	w.must(t, opinion("b", "new", api.One))
	if p := w.of("new", ""); p.Records != 1 || p.History != 0 || p.Version != 1 {
		t.Errorf("%+v", p)
	}
	w.must(t, deal("b", "new", api.One, 1, 0))
	if p := w.of("new", ""); p.Records != 2 || p.History != 1 || w.Totals.Remembered != api.MaxReputationMemory+1 {
		t.Errorf("%+v", p)
	}
}

func TestDomainsAreBounded(t *testing.T) {
	w := newWorld()
	say := func(source api.RecordSource, domain string) error {
		return w.record(reputation.Record{Agent: "a", By: "b", Domain: domain, Quality: api.One, Source: source})
	}
	for i := range 32 {
		if i%10 == 0 {
			w.now = w.now.Add(time.Minute)
		}
		if err := say(api.SourceOpinion, fmt.Sprint("o", i)); err != nil {
			t.Fatal(err)
		}
	}
	w.now = w.now.Add(time.Minute)
	if err := say(api.SourceOpinion, "more"); api.CodeOf(err) != api.Overloaded || api.ReasonOf(err) != api.ReasonManyStandings {
		t.Errorf("%v", err)
	}
	if err := say(api.SourceOpinion, "o3"); err != nil {
		t.Error(err)
	}
	for i := range 40 {
		if err := say(api.SourceSettlement, fmt.Sprint("s", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := say(api.SourceOperator, "more"); api.CodeOf(err) != api.Overloaded {
		t.Errorf("%v", err)
	}
	if n := len(w.Agents["a"].Domains); n != api.MaxReputationDomains || len(w.Standings) != n+1 {
		t.Errorf("%d domains, %d standings", n, len(w.Standings))
	}
	if p := w.of("a", ""); p.Records != 73 {
		t.Errorf("%+v", p)
	}
}

// A state that was written and read again goes on as the same.
func TestTheStateIsJSON(t *testing.T) {
	w := newWorld()
	for i := range 5 {
		w.must(t, deal(fmt.Sprint("b", i), "a", api.One, 10_000_000, 500_000))
		w.must(t, plain("a", 300_000))
	}
	body, err := codec.Marshal(w.State)
	if err != nil {
		t.Fatal(err)
	}
	again := &world{State: reputation.New(), now: w.now, refs: 100}
	if err := codec.Read(body, again.State); err != nil {
		t.Fatal(err)
	}
	for _, x := range []*world{w, again} {
		x.refs = 200
		x.must(t, deal("b1", "a", 0, 10_000_000, 500_000))
	}
	one, _ := json.Marshal(w.State)
	two, _ := json.Marshal(again.State)
	if string(one) != string(two) {
		t.Error(cmp.Diff(string(one), string(two)))
	}
}
