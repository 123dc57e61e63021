package console_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/cmd/mabus/console"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// All that needs services, one after the other on the same ones.
func TestGateway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, step := range []struct {
		name string
		test func(*testing.T, *rig)
	}{
		{"fleet and events", fleetAndEvents},
		{"jobs", jobsPage},
		{"market", marketPage},
		{"principal", whatIsNotForThePrincipal},
		{"nobody looks", nobodyLooks},
		{"actions", actionsAct},
		{"slow browser", slowBrowser},
		{"large fleet", largeFleet},
		{"outage", outage},
	} {
		t.Run(step.name, func(t *testing.T) { step.test(t, r) })
	}
}

// The pages tell what is there, and then what changes.
func fleetAndEvents(t *testing.T, r *rig) {
	b := browse(t, r.serve(t, console.Config{}))
	secret := "do-not-tell"
	if _, err := r.Agents.Register(within(t), api.AgentSpec{
		ID: "a1", Capabilities: []string{"x"}, Command: []string{"/bin/true", secret}, Env: map[string]string{"KEY": secret},
		Config: json.RawMessage(`{"key":"do-not-tell"}`), Metadata: json.RawMessage(`{"key":"do-not-tell"}`),
	}); err != nil {
		t.Fatal(err)
	}
	fleet := b.snapshot("fleet")
	natstest.Eventually(t, patience, func() bool { // lists and counts may be a moment behind
		fleet = b.snapshot("fleet")
		_, listed := row[api.Agent](t, fleet.Tables["agents"], "a1")
		_, hosted := row[api.Host](t, fleet.Tables["hosts"], "h1")
		totals, _ := row[api.AgentsStatsResponse](t, fleet.Tables["totals"], "agents")
		read := true // in its time, which a loaded machine may not keep
		for _, table := range fleet.Tables {
			read = read && !table.At.IsZero() && table.Error == nil
		}
		return read && listed && hosted && totals.Total > 0
	}, "all is read, and the agent is listed and counted")
	if fleet.Console == nil || fleet.Console.Write || fleet.Console.Namespace != "mabus" || fleet.Console.Principal != "operator" || !fleet.Connected || fleet.Page != "fleet" {
		t.Errorf("%+v", fleet)
	}
	for name, table := range fleet.Tables {
		if table.StaleAfter <= 0 {
			t.Errorf("%s: %+v", name, table)
		}
	}
	if a, ok := row[api.Agent](t, fleet.Tables["agents"], "a1"); !ok || a.Status != api.AgentRegistered || !slices.Equal(a.Capabilities, []string{"x"}) {
		t.Errorf("%+v", a)
	}
	if h, ok := row[api.Host](t, fleet.Tables["hosts"], "h1"); !ok || h.Status != api.HostLive {
		t.Errorf("%+v", h)
	}
	if s, ok := row[api.AgentsStatsResponse](t, fleet.Tables["totals"], "agents"); !ok || s.Total != 1 {
		t.Errorf("%+v", s)
	}
	s := b.follow("fleet")
	r.start(t, "e1", "echo", "echo")
	s.until(func(m *message) bool {
		a, _ := row[api.Agent](t, m.Tables["agents"], "e1")
		return a.Status == api.AgentRunning
	}, "the agent that was started is there")
	s.until(func(m *message) bool { return len(m.Tables["services"].Set) == 5 }, "the services are there")
	if _, err := r.Agents.Deregister(within(t), "a1"); err != nil {
		t.Fatal(err)
	}
	s.until(func(m *message) bool {
		_, ok := row[api.Agent](t, m.Tables["agents"], "a1")
		return !ok
	}, "the agent that was removed is gone")
	events := b.follow("events")
	events.until(func(m *message) bool {
		types := map[string]bool{}
		for key := range m.Tables["events"].Set {
			e, _ := row[api.Event](t, m.Tables["events"], key)
			types[e.Type] = true
		}
		return types["mabus.agents.registered"] && types["mabus.agents.running"] && types["mabus.hosts.registered"]
	}, "the events are there")
	for _, page := range []string{"fleet", "events", "agent?id=e1"} {
		if _, text := b.get(http.MethodGet, "api/snapshot/"+page, "", nil); strings.Contains(text, secret) {
			t.Errorf("%s tells a secret: %s", page, text)
		}
	}
	detail := b.snapshot("agent?id=e1")
	if st, ok := row[api.AgentState](t, detail.Tables["agent"], "e1"); !ok || st.Live == nil || detail.ID != "e1" {
		t.Errorf("%+v", detail)
	}
	if e := b.snapshot("agent?id=nobody").Tables["agent"].Error; e == nil || e.Code != api.NotFound {
		t.Errorf("%v", e)
	}
}

func jobsPage(t *testing.T, r *rig) {
	b := browse(t, r.serve(t, console.Config{}))
	s := b.follow("jobs")
	r.start(t, "w1", "asker", "write")
	r.task(t, "t1", "write")
	s.until(func(m *message) bool {
		x, ok := row[api.Task](t, m.Tables["tasks"], "t1")
		return ok && x.Status == api.TaskWaiting && string(x.Question) == `"May the draft be published?"`
	}, "the question is there")
	detail := b.follow("task?id=t1")
	detail.until(func(m *message) bool {
		kinds := map[api.PartKind]bool{}
		for key := range m.Tables["parts"].Set {
			p, _ := row[api.TaskPart](t, m.Tables["parts"], key)
			kinds[p.Kind] = true
		}
		return kinds[api.PartProgress] && kinds[api.PartNeedInput]
	}, "what the task says is there")
	if _, err := r.Tasks.Answer(within(t), api.TaskAnswerRequest{ID: "t1", Answer: json.RawMessage(`"yes"`)}); err != nil {
		t.Fatal(err)
	}
	s.until(func(m *message) bool {
		_, open := row[api.Task](t, m.Tables["tasks"], "t1")
		x, ok := row[api.Task](t, m.Tables["outcomes"], "t1")
		return !open && ok && x.Status == api.TaskSucceeded && x.Job == "release"
	}, "the outcome is there")
	detail.until(func(m *message) bool {
		x, ok := row[api.Task](t, m.Tables["task"], "t1")
		return ok && string(x.Result) == `"yes"`
	}, "the result is there")
	if _, err := r.Sessions.Run(within(t), api.SessionStartRequest{
		ID: "s-jobs", Type: api.SessionConsensus, Question: json.RawMessage(`"green?"`), Members: []string{"w1"}, Timeout: api.Duration(1e9), Params: json.RawMessage(`{"options":["yes","no"]}`),
	}); err != nil {
		t.Fatal(err)
	}
	s.until(func(m *message) bool {
		x, ok := row[api.Session](t, m.Tables["sessions"], "s-jobs")
		return ok && x.State != api.SessionActive
	}, "the session is there")
	x, ok := row[api.Session](t, b.snapshot("session?id=s-jobs").Tables["session"], "s-jobs")
	if !ok || len(x.Rounds) != 1 || len(x.Rounds[0].Asks) != 1 {
		t.Errorf("%+v", x)
	}
}

func marketPage(t *testing.T, r *rig) {
	b := browse(t, r.serve(t, console.Config{}))
	s := b.follow("market")
	r.auction(t, "au1", "seller", "ann", "bob")
	if _, err := r.as(t, "ann").Auctions.Bid(within(t), "au1", 3_000_000); err != nil {
		t.Fatal(err)
	}
	s.until(func(m *message) bool {
		a, ok := row[api.Auction](t, m.Tables["auctions"], "au1")
		return ok && a.Leader == "ann" && a.Price == 3_000_000 && a.Bids == 1
	}, "the bid is there")
	s.until(func(m *message) bool {
		a, ok := row[api.LedgerAccount](t, m.Tables["accounts"], "ann/main/credit")
		supply, audited := row[api.AssetTotals](t, m.Tables["supply"], "credit")
		return ok && a.Held == 3_000_000 && audited && supply.Agree && supply.Issued == 300_000_000
	}, "what is held is there, and the audit")
	bid, ok := row[api.AuctionBid](t, b.snapshot("auction?id=au1").Tables["bids"], "ann")
	if !ok || bid.Price != 3_000_000 {
		t.Errorf("%+v", bid)
	}
	owner := b.snapshot("owner?id=ann")
	if a, ok := row[api.LedgerAccount](t, owner.Tables["accounts"], "ann/main/credit"); !ok || a.Available != 97_000_000 || len(owner.Tables["entries"].Set) == 0 {
		t.Errorf("%+v", owner)
	}
	if _, err := r.Markets.Create(within(t), api.MarketSpec{ID: "m1", Name: "rain", Type: api.MarketPrediction, Outcomes: []string{"yes", "no"}, Liquidity: 1_000_000}); api.ReasonOf(err) != api.ReasonInsufficientFunds {
		t.Fatal(err)
	}
	if _, err := r.as(t, "bob").Markets.Create(within(t), api.MarketSpec{ID: "m1", Name: "rain", Type: api.MarketPrediction, Outcomes: []string{"yes", "no"}, Liquidity: 1_000_000}); err != nil {
		t.Fatal(err)
	}
	s.until(func(m *message) bool {
		x, ok := row[api.Market](t, m.Tables["markets"], "m1")
		return ok && len(x.Prices) == 2
	}, "the market is there")
	if book := b.snapshot("book?id=m1"); book.Tables["book"].Error != nil || book.Tables["market"].Error != nil || book.Tables["trades"].Error != nil {
		t.Errorf("%+v", book.Tables)
	}
}

// A page that nobody looks at any more is not read any more: not once while another page is read five times.
func nobodyLooks(t *testing.T, r *rig) {
	b := browse(t, r.serve(t, console.Config{}))
	var asked atomic.Int64
	nc := r.srv.Connect(t)
	if _, err := nc.Subscribe("mabus.as.operator.registry.agents.stats", func(*nats.Msg) { asked.Add(1) }); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	jobs, fleet := b.follow("jobs"), b.follow("fleet")
	natstest.Eventually(t, patience, func() bool { return asked.Load() >= 3 }, "a page that is looked at is read")
	fleet.close()
	reads := func() int {
		jobs.mu.Lock()
		defer jobs.mu.Unlock()
		return jobs.reads
	}
	before, since := int64(-1), 0
	natstest.Eventually(t, patience, func() bool {
		if now := asked.Load(); now != before {
			before, since = now, reads()
		}
		return reads() >= since+5
	}, "a page that nobody looks at rests")
}

// A console whose principal is no operator shows what that one may see, and says what it may not.
func whatIsNotForThePrincipal(t *testing.T, r *rig) {
	r.auction(t, "au2", "seller", "ann")
	cfg := console.Config{}
	cfg.NATS.URL, cfg.NATS.Principal = r.srv.URL(), "ann"
	b := browse(t, serve(t, cfg))
	m := b.snapshot("market")
	if e := m.Tables["supply"].Error; e == nil || e.Code != api.PermissionDenied {
		t.Errorf("supply: %+v", m.Tables["supply"])
	}
	if _, ok := row[api.LedgerAccount](t, m.Tables["accounts"], "seller/main/credit"); ok {
		t.Error("ann sees what the seller has")
	}
	b.follow("market").until(func(m *message) bool {
		_, ok := row[api.LedgerAccount](t, m.Tables["accounts"], "ann/main/credit")
		return ok
	}, "ann sees what is ann's")
}

// What is old is said to be old, and it is true again when NATS is back.
func outage(t *testing.T, r *rig) {
	b := browse(t, r.serve(t, console.Config{}))
	s := b.follow("fleet")
	s.until(func(m *message) bool { return len(m.Tables["agents"].Set) > 0 && m.Connected }, "the agents are there")
	r.srv.Stop()
	s.until(func(m *message) bool {
		a := m.Tables["agents"]
		return !m.Connected && a.Error != nil && a.Error.Code == api.Unavailable && len(a.Set) > 0 && !a.At.IsZero()
	}, "the console says that it does not know, and what it knew")
	s.mu.Lock()
	old := s.known.Tables["agents"].At
	s.mu.Unlock()
	if m := b.snapshot("fleet"); m.Connected || m.Tables["agents"].Error == nil || !m.Tables["agents"].At.Equal(old) {
		t.Errorf("a snapshot in the outage: %+v", m.Tables["agents"])
	}
	r.srv.Restart(t)
	s.until(func(m *message) bool {
		for _, t := range m.Tables {
			if t.Error != nil {
				return false
			}
		}
		return m.Connected && m.Tables["agents"].At.After(old)
	}, "all is true again")
}

// Without NATS there is a console all the same, which says what is wrong.
func TestNoNATS(t *testing.T) {
	srv := natstest.Start(t)
	cfg := console.Config{}
	cfg.NATS.URL = srv.URL()
	srv.Stop()
	b := browse(t, serve(t, cfg))
	m := b.snapshot("fleet")
	if m.Connected || m.Tables["hosts"].Error == nil || m.Tables["hosts"].Error.Code != api.Unavailable || !m.Tables["hosts"].At.IsZero() {
		t.Errorf("%+v", m.Tables["hosts"])
	}
}
