package registry

import (
	"unique"

	"github.com/mabus-project/mabus/shared/api"
)

// shareTexts makes the words that describe an agent the same in memory as those of all others that it shares them with: there are some
// hundred of them for a hundred thousand agents.
func shareTexts(a *api.Agent) {
	a.Type, a.Module = once(a.Type), once(a.Module)
	a.Runtime, a.Status, a.RestartPolicy = once(a.Runtime), once(a.Status), once(a.RestartPolicy)
	a.Host, a.HostLease = once(a.Host), once(a.HostLease)
	for _, list := range [][]string{a.Capabilities, a.Tags} {
		for i, text := range list {
			list[i] = once(text)
		}
	}
}

func once[T ~string](text T) T { return unique.Make(text).Value() }
