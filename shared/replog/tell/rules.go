package tell

import (
	"strconv"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// Rules returns what an entry has changed of the version of the rules: the event mabus.rules.used, about that version.
func Rules(a *engine.Applied) (all []Change) {
	if a.Batch == nil || !a.Upgraded {
		return nil
	}
	for i := range a.Batch.Commands {
		c := &a.Batch.Commands[i]
		if version, ok := engine.UsedVersion(c); ok && a.Replies[i].Err == nil {
			all = append(all, Change{Noun: "rules", ID: strconv.Itoa(version), What: "used", Principal: c.Principal})
		}
	}
	return all
}
