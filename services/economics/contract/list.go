package contract

import (
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// List returns a page of the live contracts that are asked for, without items and results, and where the next begins.
func (s *State) List(r *api.ContractsListRequest) (page []api.Contract, next string) {
	var ids []string
	for id, c := range s.Contracts {
		if id > r.After && matches(c, r) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	limit := r.Limit
	if limit == 0 {
		limit = api.DefaultPage
	}
	if len(ids) > limit {
		ids, next = ids[:limit], ids[limit-1]
	}
	page = make([]api.Contract, len(ids))
	for i, id := range ids {
		page[i] = *s.Contracts[id]
		page[i].Item, page[i].Result = nil, nil
	}
	return page, next
}

func matches(c *Contract, r *api.ContractsListRequest) bool {
	return (r.Party == "" || r.Party == c.Buyer || r.Party == c.Provider) && (r.State == "" || r.State == c.State) && strings.HasPrefix(c.Origin, r.Origin)
}
