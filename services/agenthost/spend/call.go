package spend

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Call is a call before it is made.
type Call struct {
	// ID is of this one execution of the call and no other: 1 to MaxCallID characters of A-Z, a-z, 0-9, '_', '-' and '.'.
	ID string
	// Job and Agent are what the call is made for and who answers it; "" if there is none.
	Job, Agent string
	// Max is the most that the call states it may cost. With 0 it reserves nothing, and is refused only where more is spent than
	// the cap.
	Max api.Micro
	// Timeout is the longest that the call can take; an hour (api.MaxRequestTimeout) unless given. A reservation that is older
	// may be counted as spent.
	Timeout time.Duration
}

// Check returns an invalid error if the call cannot be held.
func (c *Call) Check() error {
	ok := len(c.ID) > 0 && len(c.ID) <= MaxCallID
	for i := 0; ok && i < len(c.ID); i++ {
		ok = c.ID[i] == '.' || api.ValidID(c.ID[i:i+1])
	}
	switch {
	case !ok:
		return api.Errorf(api.Invalid, "a call's id is 1 to %d characters of A-Z, a-z, 0-9, '_', '-' and '.'", MaxCallID).WithFields("id")
	case c.Max < 0:
		return api.Errorf(api.Invalid, "the most that a call may cost must not be negative").WithFields("max")
	case c.Timeout < 0:
		return api.Errorf(api.Invalid, "the time of a call must not be negative").WithFields("timeout")
	}
	if err := api.CheckOptionalID("job", c.Job); err != nil {
		return err
	}
	return api.CheckOptionalID("agent", c.Agent)
}

// Keys names the budgets that the call counts in, in the order in which they are reserved: all calls keep to it, so that of
// those that compete for the last of several budgets one gets it.
func (c *Call) Keys() []api.BudgetKey {
	keys := []api.BudgetKey{{Scope: api.BudgetNamespace}}
	if c.Agent != "" {
		keys = append(keys, api.BudgetKey{Scope: api.BudgetAgent, ID: c.Agent})
	}
	if c.Job != "" {
		keys = append(keys, api.BudgetKey{Scope: api.BudgetJob, ID: c.Job})
	}
	return keys
}

// Until is when a call that begins now has ended for certain.
func (c *Call) Until(now time.Time) time.Time {
	d := c.Timeout
	if d == 0 {
		d = api.MaxRequestTimeout * time.Second
	}
	return now.Add(d).UTC().Truncate(time.Second)
}
