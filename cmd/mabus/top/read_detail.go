package top

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// maxBody is how many bytes of a JSON value a detail shows.
const maxBody = 4 << 10

// detail is one line of a page. What may hold secrets (environments, configurations and headers of agents, arguments of their commands) is
// not shown.
func (r *Reader) detail(b *batch, s *Snapshot, q Query) {
	id := q.Detail
	var facts, figures []Fact
	switch q.Tab {
	case TabFleet:
		r.figures(b, s, api.MetricSelector{Scope: api.MetricsOfType, Kind: api.SourceService, Type: id}, &figures)
	case TabHosts:
		must(r, b, "host", api.HostsGet, api.GetRequest{ID: id}, func(h *api.Host) {
			facts = factsOf("lease", h.Lease, "modules", strings.Join(h.Modules, ", "), "tags", strings.Join(h.Tags, ", "), "max agents", h.MaxAgents,
				"memory", size(float64(h.Memory)), "registered", h.RegisteredAt)
		})
		r.figures(b, s, api.MetricSelector{Kind: api.SourceHost, ID: id}, &figures)
	case TabAgents:
		must(r, b, "agent", api.HostedAgentsStatus, api.GetRequest{ID: id}, func(a *api.AgentState) { facts = agentFacts(a) })
		r.figures(b, s, api.MetricSelector{Kind: api.SourceAgent, ID: id}, &figures)
	case TabTasks:
		must(r, b, "task", api.TasksGet, api.TaskGetRequest{ID: id}, func(t *api.Task) { facts = taskFacts(t) })
	case TabSessions:
		must(r, b, "session", api.SessionsGet, api.SessionGetRequest{ID: id}, func(x *api.Session) { facts = sessionFacts(x) })
	case TabAuctions:
		must(r, b, "auction", api.AuctionsGet, api.GetRequest{ID: id}, func(a *api.Auction) { facts = auctionFacts(a) })
	}
	b.wait()
	s.Detail = append(append([]Fact{}, facts...), figures...)
}

// figures are all that was measured of something, or of all that is selected.
func (r *Reader) figures(b *batch, s *Snapshot, sel api.MetricSelector, put *[]Fact) {
	r.current(b, s, sel, func(l []api.MetricSummary) {
		*put = append(*put, Fact{}, Fact{"", "measured in the last 5 seconds"})
		for i := range l {
			m := &l[i]
			show := short
			switch {
			case strings.Contains(m.Metric, "seconds"):
				show = seconds
			case strings.Contains(m.Metric, "bytes"):
				show = size
			}
			text := fmt.Sprintf("%s/s, mean %s, p50 %s, p99 %s, max %s", short(float64(m.Rate)), statistic(m, api.StatMean, show).Text,
				statistic(m, api.StatP50, show).Text, statistic(m, api.StatP99, show).Text, statistic(m, api.StatMax, show).Text)
			if m.ErrorShare != nil && *m.ErrorShare > 0 {
				text += ", errors " + share(float64(*m.ErrorShare))
			}
			*put = append(*put, Fact{"", m.Metric + ": " + text})
		}
	})
}

// factsOf makes facts of names and values, without those that have none.
func factsOf(pairs ...any) (facts []Fact) {
	for i := 0; i+1 < len(pairs); i += 2 {
		text := ""
		switch v := pairs[i+1].(type) {
		case time.Time:
			if !v.IsZero() {
				text = v.Local().Format(time.DateTime)
			}
		case json.RawMessage:
			if text = string(v); len(text) > maxBody {
				text = fmt.Sprintf("%s ... (%d bytes)", text[:maxBody], len(text))
			}
		case nil:
		default:
			text = fmt.Sprint(v)
		}
		if text != "" && text != "0" && text != "0s" {
			facts = append(facts, Fact{fmt.Sprint(pairs[i]), strings.ToValidUTF8(text, "")})
		}
	}
	return facts
}

func agentFacts(s *api.AgentState) []Fact {
	a := &s.Agent
	facts := factsOf("reason", a.Reason, "module", a.Module, "capabilities", strings.Join(a.Capabilities, ", "), "tags", strings.Join(a.Tags, ", "),
		"wanted", a.Wanted, "epoch", a.Epoch, "registered", a.RegisteredAt, "changed", a.ChangedAt)
	if len(a.Command) > 0 {
		facts = append(facts, Fact{"program", a.Command[0]})
	}
	if l := s.Live; l != nil {
		facts = append(facts, Fact{})
		facts = append(facts, factsOf("pid", l.PID, "started", l.StartedAt, "waiting", l.Waiting, "active", l.Active, "handled", l.Handled, "failed", l.Failed, "refused", l.Refused,
			"memory", size(float64(l.Memory)), "cpu time", l.CPUTime, "last error", l.LastError)...)
		for _, line := range l.LogTail {
			facts = append(facts, Fact{"log", line})
		}
	}
	return facts
}

func taskFacts(t *api.Task) []Fact {
	facts := factsOf("name", t.Name, "host", t.Host, "attempt", fmt.Sprintf("%d of %d", t.Attempt, t.Attempts), "by", t.Principal, "submitted", t.SubmittedAt, "started", t.StartedAt,
		"finished", t.FinishedAt, "deadline", t.Deadline, "timeout", t.Timeout, "replay of", t.ReplayOf)
	if t.Error != nil {
		facts = append(facts, Fact{"error", fmt.Sprintf("%s: %s", t.Error.Code, t.Error.Message)})
	}
	return append(facts, factsOf("asks", t.Question, "payload", t.Payload, "result", t.Result)...)
}

func sessionFacts(x *api.Session) []Fact {
	facts := factsOf("algorithm", x.Algorithm, "reason", x.Reason, "question", x.Question, "params", x.Params, "result", x.Result, "timeout", x.Timeout, "deadline", x.Deadline,
		"started", x.StartedAt, "ended", x.EndedAt, "origin", x.Origin, "rounds", len(x.Rounds))
	for i, m := range x.Members {
		if i == maxTasks {
			return append(facts, Fact{"", fmt.Sprintf("and %d more", len(x.Members)-i)})
		}
		facts = append(facts, Fact{"member", m.ID})
	}
	return facts
}

func auctionFacts(a *api.Auction) []Fact {
	facts := factsOf("item", a.Item, "asset", a.Asset, "quantity", a.Quantity, "reserve", money(a.Reserve), "next price", money(a.NextPrice), "reason", a.Reason,
		"created", a.CreatedAt, "ends", a.EndsAt, "ended", a.EndedAt, "chain", a.Head)
	if o := a.Outcome; o != nil {
		facts = append(facts, factsOf("price", money(o.Price), "traded", money(o.Traded), "fee", money(o.Fee))...)
		for i, w := range o.Awards {
			if i == maxTasks {
				return append(facts, Fact{"", fmt.Sprintf("and %d more", len(o.Awards)-i)})
			}
			facts = append(facts, Fact{"award", w.Bidder + " " + money(w.Amount)})
		}
	}
	return facts
}
