// Package quota holds the pure rules of how many live things one principal may have, so that nobody takes all the room that there is.
package quota

import (
	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/shared/api"
)

// Count is how many one principal has.
type Count struct {
	Live int `json:"live"`
}

// Clone returns a copy.
func (c *Count) Clone() *Count {
	n := *c
	return &n
}

// Take counts one more, unless the owner has as many as it may have: overloaded, with the reason given.
func Take(d *draft.Draft[*Count], owner string, most int, what, reason string) error {
	c, ok := d.Edit(owner)
	if !ok {
		c = &Count{}
		d.Put(owner, c)
	}
	if c.Live >= most {
		return api.Errorf(api.Overloaded, "%s has %d %s that have not ended, which is as many as one may have", owner, c.Live, what).WithReason(reason)
	}
	c.Live++
	return nil
}

// Give counts one less. Who has none is forgotten.
func Give(d *draft.Draft[*Count], owner string) {
	c, ok := d.Edit(owner)
	if !ok {
		return
	}
	if c.Live--; c.Live <= 0 {
		d.Delete(owner)
	}
}
