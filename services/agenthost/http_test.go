package agenthost_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/examples/llm/fake"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// prompt is a message to a model, and said what package fake answers to it.
var (
	prompt = api.ChatRequest{Prompt: "Summarise the text in one sentence.\n\nThe mill has a wheel. The wheel of the mill turns the stones of the mill. Cats sleep."}
	said   = fake.Reply(prompt.Prompt)
)

// model is an endpoint and the specification of an agent that is one of its models.
func model(t *testing.T, opt fake.Options, id, name string, guard api.GuardSpec) (*fake.Endpoint, api.AgentSpec) {
	t.Helper()
	e := fake.New(opt)
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	return e, api.AgentSpec{ID: id, Capabilities: []string{"model"}, Concurrency: 64, HTTP: &api.HTTPSpec{
		URL: s.URL + "/v1", Format: api.HTTPChat, Model: name, MaxTokens: 100, PriceIn: 2_000_000, PriceOut: 7_000_000, Guard: guard,
	}}
}

// cost is what the endpoint's answers cost by the prices of model.
func cost(s fake.Stats) api.Micro { return api.Micro(2*s.TokensIn + 7*s.TokensOut) }

func text(t *testing.T, answer json.RawMessage) string {
	t.Helper()
	var a api.ChatAnswer
	if err := codec.Decode(answer, &a); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	return a.Text
}

func TestAnEndpointIsAnAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host(t, agenthost.Config{ID: "h1"})
	e, spec := model(t, fake.Options{}, "m1", fake.Steady, api.GuardSpec{})
	w.start(t, spec)
	var used api.Usage
	ctx := rpc.WithUsage(within(t, patience), func(u api.Usage) { used.Add(u) })
	answer, err := w.Call(ctx, "m1", prompt)
	if err != nil || text(t, answer) != said {
		t.Fatalf("got %s, %v", answer, err)
	}
	if s := e.Stats(); used.IsZero() || used != (api.Usage{TokensIn: s.TokensIn, TokensOut: s.TokensOut, Cost: cost(s)}) {
		t.Errorf("the answer says %+v, the endpoint %+v", used, s)
	}
	if answer, err = w.CallCapability(within(t, patience), "model", prompt); err != nil || text(t, answer) != said {
		t.Errorf("by its capability: %s, %v", answer, err)
	}
	_, err = w.Call(within(t, patience), "m1", map[string]string{"say": "hello"})
	wantError(t, err, api.Invalid, api.ReasonUnknownField)
	task, err := w.Tasks.Submit(within(t, patience), api.TaskSpec{ID: "t1", Capability: "model", Payload: must(t, prompt)})
	if err == nil {
		task, err = w.Tasks.Get(within(t, patience), api.TaskGetRequest{ID: "t1", Wait: api.Duration(patience)})
	}
	if err != nil || text(t, task.Result) != said || *task.Usage != used {
		t.Errorf("as a task: %+v, %v", task, err)
	}
	state, err := w.Agents.Status(within(t, patience), "m1")
	if err != nil || state.Live.Guard == nil || state.Live.Guard.Succeeded != 3 || state.Live.Usage.Cost != 3*used.Cost {
		t.Errorf("status: %+v, %v", state.Live, err)
	}
}

func must(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := codec.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The first piece of an answer is here while the endpoint is still at it, and whoever goes away is not worked for.
func TestAnEndpointStreamsAndIsCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host(t, agenthost.Config{ID: "h1"})
	e, spec := model(t, fake.Options{PerToken: 100 * time.Millisecond}, "m1", fake.Steady, api.GuardSpec{})
	w.start(t, spec)
	var used api.Usage
	s, err := w.Stream(rpc.WithUsage(within(t, patience), func(u api.Usage) { used.Add(u) }), "m1", prompt)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var pieces []string
	for {
		p, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Kind == api.PartResult {
			if got := text(t, p.Body); got != said || strings.Join(pieces, "") != said {
				t.Errorf("got %q in %q", got, pieces)
			}
			continue
		}
		var piece struct {
			Text string `json:"text"`
		}
		if err := codec.Read(p.Body, &piece); err != nil {
			t.Fatal(err)
		}
		if pieces = append(pieces, piece.Text); len(pieces) == 1 {
			if st := e.Stats(); st.Active != 1 || st.Answered != 0 {
				t.Errorf("the first piece came when the endpoint had ended: %+v", st)
			}
		}
	}
	if st := e.Stats(); len(pieces) < 5 || used.Cost != cost(st) || used.Cost == 0 {
		t.Errorf("%d pieces, used %+v, the endpoint says %+v", len(pieces), used, st)
	}
	for name, leave := range map[string]func(s *client.Stream){
		"closed":    func(s *client.Stream) { s.Close() },
		"cancelled": func(s *client.Stream) { _ = w.Cancel(s.ID()) },
	} {
		before := e.Stats().Left
		s := w.stream(t, "m1", prompt)
		if _, err := s.Next(); err != nil {
			t.Fatal(err)
		}
		leave(s)
		natstest.Eventually(t, patience, func() bool { st := e.Stats(); return st.Left == before+1 && st.Active == 0 }, "%s: the endpoint is rid of it", name)
	}
	if st := e.Stats(); st.Answered != 1 {
		t.Errorf("an answer that nobody wanted was completed: %+v", st)
	}
}

func TestTheGuardIsSeenAndReset(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	w.standard(t, "h2") // either takes the requests
	e, spec := model(t, fake.Options{}, "m1", fake.Broken, api.GuardSpec{
		Retry:   &api.RetrySpec{Attempts: 2, Backoff: api.Duration(time.Millisecond)},
		Breaker: &api.BreakerSpec{Failures: 4, Open: api.Duration(time.Hour)},
	})
	w.start(t, spec)
	w.start(t, puppetSpec("p1"))
	ask := func() error {
		_, err := w.Call(within(t, patience), "m1", prompt)
		return err
	}
	for range 2 {
		wantError(t, ask(), api.Unavailable, api.ReasonEndpointError)
	}
	if err := ask(); api.CodeOf(err) != api.Unavailable || api.ReasonOf(err) == api.ReasonEndpointError {
		t.Errorf("an open breaker lets through: %v", err)
	}
	g, err := w.Agents.Guard(within(t, patience), "m1")
	if err != nil {
		t.Fatal(err)
	}
	if g.Calls != 3 || g.Attempts != 4 || g.Refused != 1 || g.Breaker.State != "open" || g.Breaker.Opened != 1 || g.Breaker.ProbeIn <= 0 || g.Retry.Retries < 2 {
		t.Errorf("%+v, %+v, %+v", g, g.Breaker, g.Retry)
	}
	if n := e.Stats().Requests; n != 4 {
		t.Errorf("%d requests came through", n)
	}
	e.Next(fake.None)
	for range 2 { // whichever host takes it
		if g, err = w.Agents.ResetGuard(within(t, patience), "m1"); err != nil || g.Breaker.State != "closed" || g.Calls != 0 {
			t.Fatalf("%+v, %v", g, err)
		}
	}
	if err := ask(); err != nil {
		t.Error(err)
	}
	for _, f := range []func(context.Context, string) (*api.GuardStatus, error){w.Agents.Guard, w.Agents.ResetGuard} {
		_, err = f(within(t, patience), "p1")
		wantError(t, err, api.FailedPrecondition, api.ReasonNoGuard)
		if _, err = f(within(t, patience), "nobody"); api.CodeOf(err) != api.NotFound && api.CodeOf(err) != api.FailedPrecondition {
			t.Errorf("of nobody: %v", err)
		}
	}
}

func TestAnEndpointKeepsToItsBudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host(t, agenthost.Config{ID: "h1"})
	e, spec := model(t, fake.Options{}, "m1", fake.Steady, api.GuardSpec{})
	w.start(t, spec)
	limit := func(most api.Micro) *api.Budget {
		t.Helper()
		b, err := w.Budgets.Set(within(t, patience), api.BudgetSetRequest{Scope: api.BudgetAgent, ID: "m1", Cap: most})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// One answer may cost 7 times its 100 tokens and 2 times what is asked.
	limit(1500)
	done := 0
	var err error
	for ; err == nil; done++ {
		_, err = w.Call(within(t, patience), "m1", prompt)
	}
	wantError(t, err, api.FailedPrecondition, api.ReasonBudgetExhausted)
	s := e.Stats()
	if done--; done == 0 || s.Requests != done {
		t.Errorf("%d answers, %d requests", done, s.Requests)
	}
	b, err := w.Budgets.Get(within(t, patience), api.BudgetKey{Scope: api.BudgetAgent, ID: "m1"})
	if err != nil || b.Spent != cost(s) || b.Spent > b.Cap || b.Open != 0 || !b.Exhausted || b.TokensOut != s.TokensOut {
		t.Errorf("%+v, %v; the endpoint says %d", b, err, cost(s))
	}
	if _, err := w.Tasks.Submit(within(t, patience), api.TaskSpec{ID: "t1", Capability: "model", Payload: must(t, prompt)}); err != nil {
		t.Fatal(err)
	}
	get := func(want api.TaskStatus) *api.Task {
		t.Helper()
		var task *api.Task
		natstest.Eventually(t, patience, func() bool {
			var err error
			task, err = w.Tasks.Get(within(t, patience), api.TaskGetRequest{ID: "t1"})
			return err == nil && task.Status == want
		}, "the task is %s", want)
		return task
	}
	get(api.TaskUnpaid)
	if n := e.Stats().Requests; n != done {
		t.Errorf("%d requests were made for a task that cannot be paid", n-done)
	}
	limit(5000)
	if task := get(api.TaskSucceeded); text(t, task.Result) != said {
		t.Errorf("got %s", task.Result)
	}
}

// Two agents on two hosts that share a limit of so many at once get no more than that from the endpoint together.
func TestHostsShareALimit(t *testing.T) {
	t.Parallel()
	const burst, calls = 12, 20
	w := newWorld(t)
	guard := api.GuardSpec{Limiter: &api.LimiterSpec{Scope: api.LimiterCluster, Key: "shared", Requests: 60, Burst: 20}}
	e, spec := model(t, fake.Options{}, "m1", fake.Steady, guard)
	for i, id := range []string{"m1", "m2"} {
		host := []string{"h1", "h2"}[i]
		w.host(t, agenthost.Config{ID: host})
		spec := spec
		spec.ID = id
		if a, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &spec, Host: host}); err != nil || a.Host != host {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	begin := time.Now()
	var mu sync.Mutex
	served := map[string]int{}
	var wg sync.WaitGroup
	for range calls {
		for _, id := range []string{"m1", "m2"} {
			wg.Go(func() {
				_, err := w.Call(within(t, patience), id, prompt)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					served[id]++
				case api.CodeOf(err) != api.RateLimited:
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	most := burst + int(time.Since(begin)/time.Second) + 1 // one comes back each second
	if n := e.Stats().Requests; n > most || n < burst || n != served["m1"]+served["m2"] {
		t.Errorf("%d requests reached the endpoint, %v were served; at most %d are allowed", n, served, most)
	}
}
