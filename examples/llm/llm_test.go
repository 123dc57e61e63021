package llm_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/examples/llm/fake"
	"github.com/mabus-project/mabus/shared/api"
)

const taken = 5 // of the documents

// TestTheRunAddsUp: what the run, its budget and its report say is what the endpoint has counted.
func TestTheRunAddsUp(t *testing.T) {
	c := world(t)
	e, url := serve(t, fake.Options{
		Seed: 3, Faults: fake.Faults{RateLimit: 20, ServerError: 20}, // what costs nothing, so that the endpoint's count is the cost
	})
	j := read(t, url, map[string]string{fake.Flaky: "faulty", fake.Slow: "other"})
	o := do(t, c, j, tree(t), "r1")
	if o.err != nil || o.stats.Done != taken || o.stats.Skipped != 1 || len(o.reviews) != taken {
		t.Fatalf("%+v, %v", o.stats, o.err)
	}
	s := e.Stats()
	if s.Faults[fake.RateLimit]+s.Faults[fake.ServerError] == 0 || s.Refused+s.Left+s.Limited > 0 {
		t.Errorf("the endpoint did not do what this test is about: %+v", s)
	}
	if want := (api.Usage{TokensIn: s.TokensIn, TokensOut: s.TokensOut, Cost: price(j, s)}); o.stats.Usage != want || want.Cost == 0 {
		t.Errorf("the run has used %+v, the endpoint says %+v", o.stats.Usage, want)
	}
	b, err := c.Budgets.Get(t.Context(), api.BudgetKey{Scope: api.BudgetJob, ID: "r1"})
	if err != nil || b.Spent != price(j, s) || b.Open != 0 || b.TokensIn != s.TokensIn {
		t.Errorf("the budget is %+v, %v", b, err)
	}
	answered, requests := map[string]int{}, 0
	for name, r := range o.reviews {
		if len(r.Summaries) != 2 || r.Agree == nil || r.Overlap == nil {
			t.Errorf("%s: %+v", name, r)
		}
		if a, b := summaries(r); *r.Overlap != fake.Overlap(a, b) || *r.Agree != (*r.Overlap >= 40) {
			t.Errorf("%s: overlap %d, agree %v of %q and %q", name, *r.Overlap, *r.Agree, a, b)
		}
		for _, use := range r.Models {
			if use.Error == "" {
				answered[use.Model]++
			}
		}
	}
	for i := range j.Agents[:3] {
		a := &j.Agents[i]
		m := s.Models[a.HTTP.Model]
		if answered[a.Name] != m.Answered {
			t.Errorf("%s: the reviews name %d answers, the endpoint %d", a.Name, answered[a.Name], m.Answered)
		}
		if n := field[int64](t, o.report.Data, "models", a.Name, "tokens_out"); n != m.TokensOut {
			t.Errorf("%s: the report says %d tokens, the endpoint %d", a.Name, n, m.TokensOut)
		}
		requests += field[int](t, o.report.Data, "models", a.Name, "requests")
	}
	if requests != s.Requests {
		t.Errorf("the guards have sent %d requests, the endpoint had %d", requests, s.Requests)
	}
	if n := field[int](t, o.report.Data, "documents", "reviewed"); n != taken || !strings.Contains(o.report.Text, "5 reviewed (0 by one summary only), 0 failed") {
		t.Errorf("the report says\n%s", o.report.Text)
	}
	long, page := o.reviews["long.md"], o.reviews["doc/a.html"]
	if !slices.ContainsFunc(long.Notes, func(n string) bool { return strings.HasPrefix(n, "only the first 8000 of ") }) {
		t.Errorf("nothing tells that the document was cut: %v", long.Notes)
	}
	if a, b := summaries(page); strings.ContainsAny(a+b, "<>{&;") && !strings.Contains(a+b, "a spring & a wheel") {
		t.Errorf("the page was read as %q and %q", a, b)
	}
}

func summaries(r review) (a, b string) {
	var all []string
	for _, text := range r.Summaries {
		all = append(all, text)
	}
	return all[0], all[1]
}

// TestAModelThatIsDown: with one model down the others take its place, and the outcomes say so.
func TestAModelThatIsDown(t *testing.T) {
	c := world(t)
	_, url := serve(t, fake.Options{})
	o := do(t, c, read(t, url, map[string]string{fake.Flaky: fake.Broken, fake.Slow: "other"}), tree(t), "r1")
	if o.err != nil || o.stats.Done != taken {
		t.Fatalf("%+v, %v", o.stats, o.err)
	}
	errs := 0
	for name, r := range o.reviews {
		for _, use := range r.Models {
			if use.Error == api.ReasonEndpointError || use.Error == api.ReasonBreakerOpen {
				errs++
			}
		}
		noted := slices.ContainsFunc(r.Notes, func(n string) bool { return strings.HasSuffix(n, "own summary, since no other model answered") })
		if r.Summaries["model-b"] != "" || len(r.Summaries) != 2 || r.Agree == nil || !noted {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if n := field[int](t, o.report.Data, "models", "model-b", "failed"); n != errs || n < taken {
		t.Errorf("the report has %d errors of the model that is down, the reviews %d", n, errs)
	}
}

// TestNothingIsMadeUp: where no model answers there is no review.
func TestNothingIsMadeUp(t *testing.T) {
	c := world(t)
	e, url := serve(t, fake.Options{})
	j := read(t, url, map[string]string{fake.Steady: fake.Broken, fake.Flaky: fake.Broken, fake.Slow: fake.Broken})
	o := do(t, c, j, tree(t), "r1")
	if o.err != nil || o.stats.Failed != taken || len(o.tasks) != taken || len(o.reviews) != 0 || o.stats.Usage.Cost != 0 || e.Stats().Answered != 0 {
		t.Fatalf("%+v, %v", o.stats, o.err)
	}
	for name, task := range o.tasks {
		if task.Error == nil || task.Error.Details.Reason != "no_summary" || !strings.Contains(task.Error.Message, "model-a: ") {
			t.Errorf("%s: %v", name, task.Error)
		}
	}
	calls := 0
	for _, name := range []string{"model-a", "model-b", "model-c"} {
		calls += field[int](t, o.report.Data, "models", name, "calls")
	}
	if attempts := j.Tasks[0].Attempts; attempts != 2 || calls != 3*taken*attempts {
		t.Errorf("%d calls in %d attempts at each of %d documents", calls, attempts, taken)
	}
	if !strings.Contains(o.report.Text, "0 reviewed (0 by one summary only), 5 failed") {
		t.Errorf("the report says\n%s", o.report.Text)
	}
}

// TestACapStopsTheRun: the run keeps to its cap, and goes on with a higher one without asking again for what it has.
func TestACapStopsTheRun(t *testing.T) {
	c := world(t)
	e, url := serve(t, fake.Options{})
	j, dir := read(t, url, map[string]string{fake.Flaky: "other", fake.Slow: "third"}), tree(t)
	limit := api.Micro(15_000) // less than all of it, and enough for each of the first calls
	j.Limits.MaxCost, j.Limits.MaxInflight = &limit, 1
	o := do(t, c, j, dir, "r1")
	var unpaid *job.UnpaidError
	if !errors.As(o.err, &unpaid) || unpaid.Budget.Spent > limit || unpaid.Budget.Spent != price(j, e.Stats()) || o.stats.Usage.Cost != unpaid.Budget.Spent {
		t.Fatalf("%v, %+v", o.err, o.stats)
	}
	limit = 10_000_000
	o = do(t, c, j, dir, "r1")
	if o.err != nil || o.stats.Done != taken || len(o.reviews) != taken {
		t.Fatalf("%v, %+v", o.err, o.stats)
	}
	if s := e.Stats(); s.Requests != 3*taken || o.stats.Usage.Cost != price(j, s) {
		t.Errorf("%d requests for %d documents, cost %s; the endpoint says %s", s.Requests, taken, o.stats.Usage.Cost, price(j, s))
		for name, r := range o.reviews {
			t.Logf("%s: %+v, %q", name, r.Models, r.Notes) // which model was not asked, and why
		}
	}
}

// TestTheEndpointIsObeyed: 429 with Retry-After is waited out, and costs no document its review.
func TestTheEndpointIsObeyed(t *testing.T) {
	c := world(t)
	e, url := serve(t, fake.Options{RequestsPerMinute: 300, Burst: 2, RetryAfter: time.Second})
	j := read(t, url, map[string]string{fake.Flaky: "other", fake.Slow: "third"})
	for i := range j.Agents[:3] {
		*j.Agents[i].HTTP.Guard.Retry = api.RetrySpec{Attempts: 50, Budget: 1000} // it waits, however often
	}
	o := do(t, c, j, tree(t), "r1")
	s := e.Stats()
	if o.err != nil || o.stats.Done != taken || s.Limited == 0 || s.Requests != s.Limited+s.Answered {
		t.Fatalf("%v, %+v, %+v", o.err, o.stats, s)
	}
	for name, r := range o.reviews {
		for _, use := range r.Models {
			if use.Error != "" {
				t.Errorf("%s: %s", name, fmt.Sprint(r))
			}
		}
	}
}
