package loadbalancer

import "context"

// Members is how many agents this replica can choose.
func (s *Service) Members() int { return s.picker.Len() }

// Hosts is how many hosts this replica knows, and AgentsOn how many agents it takes to be on each.
func (s *Service) Hosts() int               { return s.hosts.Len() }
func (s *Service) AgentsOn() map[string]int { return s.agentsOn() }

// Flights is how many messages this replica has routed that are not answered.
func (s *Service) Flights() int { return s.router.len() }

// Obeys is the version of the configuration that this replica obeys.
func (s *Service) Obeys() uint64 { return s.obeys.Load() }

// ID is the replica's.
func (s *Service) ID() string { return s.id }

// Agree makes the configuration and its section the same.
func (s *Service) Agree(ctx context.Context) error { return s.agree(ctx) }
