package isolate

import (
	osexec "os/exec"

	"github.com/mabus-project/mabus/shared/api"
)

// Without says what a host may not do.
type Without struct{ Groups, Hold bool }

// Limited returns options of a host that may not do everything, and keeps so much output; as much as any unless given.
func Limited(w Without, maxOutput int) Options {
	return Options{set: settings{noGroups: w.Groups, noHold: w.Hold, maxOutput: maxOutput}}
}

// StartWithout is Start on a host that may not do everything.
func StartWithout(cmd *osexec.Cmd, r api.Resources, w Without) (*Process, error) {
	return start(cmd, r, settings{noGroups: w.Groups, noHold: w.Hold})
}
