package agenthost

import "github.com/mabus-project/mabus/shared/kv"

// tellOutcomes publishes what becomes of tasks as events, mabus.tasks.<status>, and changes of budgets, mabus.budgets.<what>. All hosts share
// in it, whoever ran the task or was asked for the change.
func (s *Service) tellOutcomes() {
	if err := kv.EnsureEvents(s.base, s.conn.JS, s.conn.Namespace, s.conn.Replicas); err != nil {
		s.log.Warn().Err(err).Msg("outcomes of tasks and changes of budgets are not told as events")
		return
	}
	for _, outbox := range []*kv.Outbox{s.tasks.Outbox(s.log), s.budgets.Outbox(s.log)} {
		outbox.Start()
		defer outbox.Stop()
	}
	<-s.base.Done()
}
