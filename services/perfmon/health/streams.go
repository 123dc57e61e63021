package health

import (
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// Streams returns those of the streams of a server, by name, that are of a namespace: its streams, buckets and object stores. As both
// namespaces and names may have underscores, mabus_x_state may be of mabus or of mabus_x: it is of the latter if that is a namespace of the
// server, which is known by its stream of events.
func Streams(namespace string, all []string) []string {
	own := api.Bucket(namespace, "")
	var longer []string // prefixes of namespaces whose names begin like those of this one
	for _, name := range all {
		if other, ok := strings.CutSuffix(name, api.Bucket("", "events")); ok && strings.HasPrefix(other, own) {
			longer = append(longer, api.Bucket(other, ""))
		}
	}
	var mine []string
	for _, name := range all {
		bare := strings.TrimPrefix(strings.TrimPrefix(name, "KV_"), "OBJ_")
		if strings.HasPrefix(bare, own) && !slices.ContainsFunc(longer, func(other string) bool { return strings.HasPrefix(bare, other) }) {
			mine = append(mine, name)
		}
	}
	return mine
}
