package lmsr

import "github.com/mabus-project/mabus/shared/api"

// CostFrom is Cost with the interval begun at a number of binary places.
func (m *Market) CostFrom(places uint) api.Micro { return m.cost(places) }
