// Package roster holds the rules of the registry: what becomes of an agent, a host or a service when somebody registers,
// moves or removes it, and the index by which they are found. It does no I/O and knows no clock; the present time comes in
// as an argument.
//
// Every rule takes what is stored (nil when there is nothing) and returns what shall be stored (nil to remove it) together
// with the event that tells of the change. NoChange means that the store already says what the caller asked for. A rule never
// alters what it was given.
package roster

// Event names what happened to a thing; it is the last part of the CloudEvents type.
type Event string

// The events.
const (
	NoChange     Event = ""
	Registered   Event = "registered"
	Updated      Event = "updated"
	Deregistered Event = "deregistered"
	Starting     Event = "starting"  // an agent was claimed by a host
	Restarted    Event = "restarted" // an agent is started again after a crash
	Running      Event = "running"
	Stopping     Event = "stopping"
	Stopped      Event = "stopped"
	Failed       Event = "failed"
	Dead         Event = "dead" // the lease of a host or a service has run out, or nobody reaches the host
)

// Health returns the share of agents that have not failed, in percent rounded down; 100 when there are none.
func Health(total, failed int) int {
	if total <= 0 {
		return 100
	}
	return 100 * (total - failed) / total
}

// unique returns the distinct values in the order of their first appearance, or nil for none.
func unique(values []string) []string {
	if len(values) == 0 {
		return nil
	}
	seen := make(map[string]struct{}, len(values))
	out := make([]string, 0, len(values))
	for _, v := range values {
		if _, dup := seen[v]; !dup {
			seen[v] = struct{}{}
			out = append(out, v)
		}
	}
	return out
}
