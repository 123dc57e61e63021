package upgrade_test

import (
	"encoding/json"
	"fmt"
)

// reading is a request whose answer was frozen.
type reading struct {
	As      string          `json:"as"`
	Method  string          `json:"method"`
	Request json.RawMessage `json:"request"`
	Answer  json.RawMessage `json:"answer,omitempty"`
}

// readings are what is asked of a frozen namespace.
func readings() (all []reading) {
	add := adder(&all)
	for _, id := range []string{"ext0", "ext2", "keeper", "echo", "web"} {
		add("ann", "registry.agents.get", `{"id":%q}`, id)
	}
	add("ann", "coordination.counters.get", `{"id":"c"}`)
	add("ann", "coordination.cells.get", `{"id":"cell"}`)
	for n := range 3 {
		add("seller", "coordination.sessions.get", `{"id":"vote%d"}`, n)
		add("ann", "coordination.variables.get", `{"name":"v%d"}`, n)
		add("ann", "perfmon.events.get", `{"id":"e%d"}`, n)
	}
	add("ann", "coordination.protocols.list", `{}`)
	add("ann", "coordination.sessions.stats", `{}`)
	for _, id := range []string{"small", "asks", "lonely"} {
		add("ann", "agenthost.tasks.get", `{"id":%q}`, id)
	}
	add("ann", "agenthost.tasks.follow", `{"id":"asks"}`)
	add("operator", "perfmon.rules.get", `{"id":"works"}`)
	add("operator", "loadbalancer.config.get", `{}`)
	add("operator", "agenthost.budgets.get", `{"scope":"job","id":"j"}`)
	return append(all, readingsOfStories()...)
}

func adder(all *[]reading) func(as, method, format string, args ...any) {
	return func(as, method, format string, args ...any) {
		*all = append(*all, reading{As: as, Method: method, Request: fmt.Appendf(nil, format, args...)})
	}
}

// readingsOfStories are about what the stories have brought.
func readingsOfStories() (all []reading) {
	add := adder(&all)
	for _, id := range []string{"clock", "nobody", "dutch", "sealed", "commit", "uniform", "double", "bundle", "attributes", "incentive", "off"} {
		add("seller", "economics.auctions.get", `{"id":%q}`, id)
		add("seller", "economics.auctions.transcript", `{"auction":%q}`, id)
	}
	add("seller", "economics.auctions.stats", `{}`)
	add("seller", "economics.auctions.key", `{}`)
	add("operator", "economics.ledger.audit", `{}`)
	for _, who := range []string{"ann", "bob", "carol", "seller", "eve", "dan"} {
		add(who, "economics.accounts.list", `{"owner":%q}`, who)
		add(who, "economics.accounts.statement", `{"account":"%s/main/credit"}`, who)
		add(who, "economics.holds.list", `{"owner":%q}`, who)
	}
	add("operator", "economics.assets.list", `{}`)
	add("ann", "economics.allowances.list", `{"owner":"ann"}`)
	for _, id := range []string{"byagent", "disputed", "forfeited", "both", "late", "announcer", "fails", "astask", "nobids", "called"} {
		add("ann", "economics.tenders.get", `{"id":%q}`, id)
	}
	for _, id := range []string{"byagent", "disputed", "forfeited", "both", "late", "announcer", "fails", "astask"} {
		add("ann", "economics.contracts.get", `{"id":"tender-%s"}`, id)
	}
	add("ann", "economics.contracts.stats", `{}`)
	for _, id := range []string{"bazaar", "shut"} {
		add("ann", "economics.bazaars.get", `{"id":%q}`, id)
	}
	add("ann", "economics.bazaars.transactions", `{"market":"bazaar"}`)
	for _, id := range []string{"book", "call", "sealedbook", "dated", "rain", "snow"} {
		add("ann", "economics.markets.get", `{"id":%q}`, id)
		add("ann", "economics.markets.trades", `{"id":%q}`, id)
		add("ann", "economics.markets.transcript", `{"market":%q}`, id)
	}
	add("ann", "economics.markets.book", `{"id":"book"}`)
	add("ann", "economics.reputation.history", `{"agent":"bob"}`)
	add("bob", "economics.stakes.get", `{"agent":"bob"}`)
	add("bob", "economics.stakes.rules", `{}`)
	add("ann", "economics.pools.list", `{}`)
	add("ann", "economics.breakers.list", `{}`)
	for _, id := range []string{
		"bynames", "consensus", "voting", "weighted", "iterative", "hierarchical", "negotiation", "allocation", "byzantine", "ensemble", "search", "tournament",
		"reasoning", "tools", "fusion", "decision", "announcement", "silent", "overtime", "unheard", "broken", "givenup",
	} {
		add("ann", "coordination.sessions.get", `{"id":%q}`, id)
	}
	for _, name := range []string{"plain", "voted", "decided", "common"} {
		add("seller", "coordination.variables.get", `{"name":%q}`, name)
		add("seller", "coordination.variables.history", `{"name":%q}`, name)
	}
	return all
}

// newer are what is asked of a namespace with those.
func newer() []reading {
	return []reading{
		{As: "operator", Method: "registry.config.get", Request: json.RawMessage(`{}`)},
		{As: "operator", Method: "registry.config.history", Request: json.RawMessage(`{}`)},
		{As: "operator", Method: "registry.secrets.list", Request: json.RawMessage(`{}`)},
		{As: "operator", Method: "registry.secret_keys.list", Request: json.RawMessage(`{}`)},
		{As: "operator", Method: "registry.agents.get", Request: json.RawMessage(`{"id":"trusted"}`)},
		{As: "operator", Method: "economics.rules.get", Request: json.RawMessage(`{}`)},
	}
}
