package state

// OnStep has f called after each step of loads and saves; an error ends them there, as the death of the process would.
func (s *Store) OnStep(f func(name string) error) { s.step = f }
