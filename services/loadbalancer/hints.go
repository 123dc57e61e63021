package loadbalancer

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	hintEvery   = 5 * time.Second
	hintTimeout = 4 * time.Second
)

// hint tells the picker what the median latency of agents was in the last minute, as perfmon has measured it. It stands for an agent of
// which neither this replica nor a host has told anything of late. Without perfmon what was known stays.
func (s *Service) hint() {
	tick := time.NewTicker(hintEvery)
	defer tick.Stop()
	hinted := map[string]bool{}
	for {
		now, err := s.hintOnce()
		if err != nil && s.base.Err() == nil {
			s.cfg.Log.Debug().Err(err).Msg("perfmon does not tell the agents' latencies")
		}
		for id := range hinted {
			switch {
			case now[id]:
			case err != nil:
				now[id] = true
			default: // who was slow once and is passed over for that could never show that it is quick
				s.picker.Hint(id, 0)
			}
		}
		hinted = now
		select {
		case <-s.base.Done():
			return
		case <-tick.C:
		}
	}
}

// hintOnce returns the agents of which it has told.
func (s *Service) hintOnce() (map[string]bool, error) {
	ctx, cancel := context.WithTimeout(s.base, hintTimeout)
	defer cancel()
	hinted := map[string]bool{}
	agents := api.MetricsWindowRequest{MetricSelector: api.MetricSelector{Kind: api.SourceAgent, Metric: api.MetricLatency}, Limit: api.MaxPage}
	for m, err := range s.client.Metrics.Each(ctx, agents) {
		if err != nil {
			return hinted, err
		}
		if m.Count > 0 {
			s.picker.Hint(m.ID, time.Duration(float64(m.P50)*float64(time.Second)))
			hinted[m.ID] = true
		}
	}
	return hinted, nil
}
