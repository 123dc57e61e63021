package bundle_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestValidate(t *testing.T) {
	good := func() *bundle.Problem {
		return &bundle.Problem{Items: []string{"a", "b"}, Bids: []bundle.Bid{{Bidder: "x", Items: 3, Price: 5}}}
	}
	for name, row := range map[string]struct {
		change func(p *bundle.Problem)
		field  string
	}{
		"no items":            {func(p *bundle.Problem) { p.Items = nil }, "items"},
		"65 items":            {func(p *bundle.Problem) { p.Items = make([]string, 65) }, "items"},
		"an item twice":       {func(p *bundle.Problem) { p.Items[1] = "a" }, "items"},
		"501 bids":            {func(p *bundle.Problem) { p.Bids = slices.Repeat(p.Bids, 501) }, "bids"},
		"one reserve":         {func(p *bundle.Problem) { p.Reserve = []api.Micro{1} }, "reserve"},
		"a negative reserve":  {func(p *bundle.Problem) { p.Reserve = []api.Micro{1, -1} }, "reserve"},
		"a huge reserve":      {func(p *bundle.Problem) { p.Reserve = []api.Micro{1, 1 << 62} }, "reserve"},
		"too much in reserve": {func(p *bundle.Problem) { p.Reserve = []api.Micro{bundle.MaxAmount, 1} }, "reserve"},
		"no item":             {func(p *bundle.Problem) { p.Bids[0].Items = 0 }, "bids"},
		"no such item":        {func(p *bundle.Problem) { p.Bids[0].Items = 4 }, "bids"},
		"a negative price":    {func(p *bundle.Problem) { p.Bids[0].Price = -1 }, "bids"},
		"a huge price":        {func(p *bundle.Problem) { p.Bids[0].Price = bundle.MaxAmount + 1 }, "bids"},
	} {
		p := good()
		row.change(p)
		for _, err := range []error{p.Validate(), second(bundle.Solve(p, 1000)), second(bundle.Check(p, &bundle.Solution{}, 1000)), third(bundle.Determine(p, 1000))} {
			e := api.AsError(err)
			if e == nil || e.Details.Reason != api.ReasonInvalidBundles || !slices.Equal(e.Details.Fields, []string{row.field}) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	most := &bundle.Problem{}
	for i := range 64 {
		most.Items = append(most.Items, strings.Repeat("i", i+1))
	}
	for i := range 500 {
		most.Bids = append(most.Bids, bundle.Bid{Bidder: "x", Items: 1 << (i % 64), Price: bundle.MaxAmount, Or: true, Order: uint64(i)})
	}
	if s, err := bundle.Solve(most, bundle.DefaultSteps); err != nil || s.Welfare != 64*bundle.MaxAmount {
		t.Errorf("64 items at the highest price: %v", err)
	}
}

func second[T any](_ T, err error) error       { return err }
func third[T any](_ T, _ int, err error) error { return err }

func TestNames(t *testing.T) {
	p := &bundle.Problem{Items: []string{"a", "b", "c"}, Reserve: []api.Micro{1, 2, 4}}
	s, err := p.Set([]string{"c", "a"})
	if err != nil || s != 5 || !slices.Equal(p.Names(s), []string{"a", "c"}) || p.Reserved(s) != 5 || s.Len() != 2 {
		t.Errorf("%v, %v, %v", s, err, p.Names(s))
	}
	for _, names := range [][]string{nil, {"d"}, {"a", "a"}} {
		if s, err := p.Set(names); api.CodeOf(err) != api.Invalid {
			t.Errorf("%v is %v, %v", names, s, err)
		}
	}
	if s.Has(-1) || s.Has(64) || s.Has(1) || !s.Has(2) {
		t.Error("the set has something else")
	}
}

// FuzzSolve reads a problem from bytes: it is refused, given up, or solved in a way that the check takes.
func FuzzSolve(f *testing.F) {
	f.Add(`{"items":["cpu","mem"],"bids":[{"bidder":"a","items":"1","price":"100","order":1},{"bidder":"b","items":"2","price":"90","order":2}]}`)
	f.Add(`{"items":["a","b","c"],"reserve":["3","4","5"],"reverse":true,"bids":[{"bidder":"a","items":"7","price":"9","order":1,"or":true},{"bidder":"a","items":"3","price":"1","order":1}]}`)
	f.Add(`{"items":["a"],"bids":[{"bidder":"a","items":"ffffffffffffffff","price":"-1","order":1}]}`)
	f.Add(`{"items":[],"bids":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		var p bundle.Problem
		if codec.Decode([]byte(text), &p) != nil {
			return
		}
		s, err := bundle.Solve(&p, 100_000)
		if err != nil {
			if c := api.CodeOf(err); c != api.Invalid && c != api.FailedPrecondition {
				t.Fatal(err)
			}
			return
		}
		if proved, err := bundle.Check(&p, s, 200_000); err != nil || !proved {
			t.Fatalf("%v, %v", proved, err)
		}
	})
}
