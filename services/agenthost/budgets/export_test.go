package budgets

// ErrDied ends a call as the death of its process would, if a step returns it.
var ErrDied = errDied

// OnStep has f called after each step of a reservation. Call it before the store is used.
func (s *Store) OnStep(f func(name string) error) { s.step = f }
