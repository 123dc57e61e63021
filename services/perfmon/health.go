package perfmon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/mabus-project/mabus/services/perfmon/health"
	"github.com/mabus-project/mabus/services/perfmon/view"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	askTime    = 1500 * time.Millisecond // for what others are asked
	answerTime = 300 * time.Millisecond  // for replicas to answer a ping
	shownAway  = 20                      // names of streams that do not answer
	maxPongs   = 10_000
)

// health asks everybody at once how they are.
func (s *Service) health(ctx context.Context, _ *api.HealthRequest) (*api.Health, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	h := &api.Health{Services: []api.ServiceHealth{}, Operations: []api.OperationHealth{}, At: time.Now().UTC()}
	var unknown health.Errors
	var work sync.WaitGroup
	work.Go(func() { h.Store = s.storeHealth(ctx) })
	work.Go(func() {
		if err := s.serviceHealth(ctx, h); err != nil {
			unknown.Services = "the registry does not tell of services: " + err.Error()
		}
	})
	work.Go(func() {
		fleet, err := s.fleetHealth(ctx)
		if h.Fleet = fleet; err != nil {
			unknown.Fleet = "the registry does not tell of hosts and agents: " + err.Error()
		}
	})
	if err := s.operationHealth(h); err != nil {
		unknown.Operations = err.Error()
	}
	if s.alerts.Ready() {
		n := s.alerts.Counts()
		h.Alerts = &n
	}
	work.Wait()
	health.Sum(h, unknown)
	return h, nil
}

// storeHealth asks the server and every stream of the namespace.
func (s *Service) storeHealth(ctx context.Context) (h api.StoreHealth) {
	begin := time.Now()
	if err := s.conn.NC.FlushWithContext(ctx); err != nil {
		h.Error = "NATS does not answer: " + err.Error()
		return h
	}
	h.RoundTrip = api.Duration(time.Since(begin))
	names := s.conn.JS.StreamNames(ctx)
	var all []string
	for name := range names.Name() {
		all = append(all, name)
	}
	if err := names.Err(); err != nil {
		h.Error = "JetStream does not answer: " + err.Error()
		return h
	}
	mine := health.Streams(s.conn.Namespace, all)
	h.Streams = len(mine)
	for _, name := range mine {
		info, err := s.conn.JS.Stream(ctx, name)
		if ctx.Err() != nil {
			h.Error = "the streams did not answer in time"
			return h
		}
		if cluster := func() bool { c := info.CachedInfo().Cluster; return c == nil || c.Name == "" || c.Leader != "" }; err != nil || !cluster() {
			if h.Unreachable = append(h.Unreachable, name); len(h.Unreachable) == shownAway {
				return h
			}
		}
	}
	return h
}

// pong is the answer of NATS micro to a ping.
type pong struct {
	Name     string            `json:"name"`
	Metadata map[string]string `json:"metadata"`
}

// ready counts the replicas of each service that answer a ping with all their parts: one that is not ready is not in its queue group, and
// does not.
func (s *Service) ready(ctx context.Context) (map[string]int, error) {
	subject, err := micro.ControlSubject(micro.PingVerb, "", "")
	if err != nil {
		return nil, err
	}
	inbox := s.conn.NewInbox()
	sub, err := s.conn.NC.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := s.conn.NC.PublishMsg(&nats.Msg{Subject: subject, Reply: inbox}); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	answers := map[string][]health.Answer{}
	for range maxPongs {
		msg, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			break
		}
		var p pong
		if name, ours := "", codec.Read(msg.Data, &p) == nil && p.Metadata["namespace"] == s.conn.Namespace; ours {
			if name, ours = strings.CutPrefix(p.Name, "mabus-"); ours {
				answers[name] = append(answers[name], health.Answer{Instance: p.Metadata[rpc.MetaInstance], Nouns: strings.Fields(p.Metadata[rpc.MetaNouns])})
			}
		}
	}
	counts := map[string]int{}
	for name, all := range answers {
		counts[name] = health.Replicas(nounsOf(name), all)
	}
	return counts, nil
}

// nounsOf returns the nouns of a service's methods.
func nounsOf(service string) (nouns []string) {
	for _, m := range api.Methods {
		if m.Service == service && !slices.Contains(nouns, m.Noun) {
			nouns = append(nouns, m.Noun)
		}
	}
	return nouns
}

// serviceHealth counts replicas by service, and those of services of others as their registration says.
func (s *Service) serviceHealth(ctx context.Context, h *api.Health) error {
	ready, err := s.ready(ctx)
	if err != nil {
		return err
	}
	by := map[string]*api.ServiceHealth{}
	of := func(name string) *api.ServiceHealth {
		if by[name] == nil {
			by[name] = &api.ServiceHealth{Name: name}
		}
		return by[name]
	}
	for name, n := range ready {
		of(name).Ready = n
	}
	for r := (api.ServicesListRequest{Limit: api.MaxPage}); err == nil; {
		var page *api.ServicesListResponse
		if page, err = rpc.Call(ctx, s.conn, api.ServicesList, &r); err != nil {
			break
		}
		for _, inst := range page.Services {
			n := of(inst.Name)
			switch {
			case inst.Status == api.HostDead:
				n.Dead++
				continue
			case inst.Subject != s.conn.Namespace+"."+inst.Name: // it answers no ping
				n.Ready++
			}
			n.Live++
		}
		if r.Cursor = page.Next; r.Cursor == "" {
			break
		}
	}
	for _, n := range by {
		if n.Live > 0 {
			n.Ready = min(n.Ready, n.Live) // of one that has just come the registry does not know yet
		}
		h.Services = append(h.Services, *n)
	}
	return err
}

// fleetHealth counts hosts and agents.
func (s *Service) fleetHealth(ctx context.Context) (*api.FleetHealth, error) {
	stats, err := rpc.Call(ctx, s.conn, api.AgentsStats, &api.Empty{})
	if err != nil {
		return nil, err
	}
	f := &api.FleetHealth{AgentsTotal: stats.Total, AgentsFailed: stats.ByStatus[api.AgentFailed]}
	f.AgentsAlive = stats.ByStatus[api.AgentRunning]
	f.AgentsWanted = f.AgentsAlive + stats.ByStatus[api.AgentStarting] + f.AgentsFailed
	for r := (api.HostsListRequest{Limit: api.MaxPage}); ; {
		page, err := rpc.Call(ctx, s.conn, api.HostsList, &r)
		if err != nil {
			return nil, err
		}
		for _, host := range page.Hosts {
			if host.Status != api.HostLive {
				f.HostsDead++
				n, err := s.runningOn(ctx, host.ID)
				if err != nil {
					return nil, err
				}
				f.AgentsAlive -= n // nobody has taken them up yet
				continue
			}
			f.HostsLive++
			if host.Draining {
				f.HostsDraining++
			}
		}
		if r.Cursor = page.Next; r.Cursor == "" {
			break
		}
	}
	f.AgentsAlive = max(f.AgentsAlive, 0)
	return f, nil
}

// runningOn counts the agents that are said to run on a host: those that have ended there name it as well.
func (s *Service) runningOn(ctx context.Context, host string) (n int, err error) {
	for r := (api.AgentsListRequest{Host: host, Status: api.AgentRunning, Limit: api.MaxPage}); ; {
		page, err := rpc.Call(ctx, s.conn, api.AgentsList, &r)
		if err != nil {
			return 0, err
		}
		n += len(page.Agents)
		if r.Cursor = page.Next; r.Cursor == "" {
			return n, nil
		}
	}
}

// operationHealth looks at the last minute of all agents and of all services.
func (s *Service) operationHealth(h *api.Health) error {
	if !s.log.ready() {
		return fmt.Errorf("this replica has not read all that was measured")
	}
	for _, kind := range []api.SourceKind{api.SourceAgent, api.SourceService} {
		sel, _, err := s.Select(view.Question{Selector: api.MetricSelector{Scope: api.MetricsOfFleet, Kind: kind, Metric: api.MetricLatency}})
		if err != nil {
			return err
		}
		m, _ := sel.One()
		h.Metrics = sel.Status
		o := api.OperationHealth{Of: kind, Operations: m.Count, Errors: m.Errors}
		if m.Count > 0 {
			o.ErrorShare, o.P99 = m.ErrorShare, &m.P99
		}
		h.Operations = append(h.Operations, o)
	}
	return nil
}
