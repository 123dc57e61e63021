package api

import "time"

// HealthStatus is how something does.
type HealthStatus string

// The statuses of health, the best first.
const (
	Healthy       HealthStatus = "healthy"
	HealthUnknown HealthStatus = "unknown"   // what would tell does not answer
	Degraded      HealthStatus = "degraded"  // part of it does not do what it should
	Unhealthy     HealthStatus = "unhealthy" // less than half of it does, or a critical alert stands
)

// HealthStatuses lists every status, the best first.
var HealthStatuses = []HealthStatus{Healthy, HealthUnknown, Degraded, Unhealthy}

// HealthRequest asks how the namespace does.
type HealthRequest struct{}

// HealthPart is one of the things that health is made of: store, services, hosts, agents, errors, alerts.
type HealthPart struct {
	Name   string       `json:"name"`
	Status HealthStatus `json:"status"`
	// Score is the share of it that does what it should, 0 to 1; absent when that is not known, or when there is nothing of the kind.
	Score *Measure `json:"score,omitempty"`
	// Why says what the score is made of, or why there is none.
	Why string `json:"why"`
}

// ServiceHealth counts the replicas of one service.
type ServiceHealth struct {
	Name string `json:"name"`
	// Ready have answered just now, Live and Dead are as the registry has them.
	Ready int `json:"ready"`
	Live  int `json:"live"`
	Dead  int `json:"dead"`
}

// FleetHealth counts hosts and agents; absent from an answer when the registry does not tell.
type FleetHealth struct {
	HostsLive     int `json:"hosts_live"`
	HostsDead     int `json:"hosts_dead"`
	HostsDraining int `json:"hosts_draining"`
	// AgentsWanted are those that were started and not stopped: starting, running or failed. AgentsAlive of them run on a host that lives.
	AgentsWanted int `json:"agents_wanted"`
	AgentsAlive  int `json:"agents_alive"`
	AgentsFailed int `json:"agents_failed"`
	AgentsTotal  int `json:"agents_total"`
}

// StoreHealth tells whether NATS and the streams answer.
type StoreHealth struct {
	// RoundTrip is the time to the server and back.
	RoundTrip Duration `json:"round_trip,omitzero"`
	// Streams are those of the namespace, and Unreachable the names of those that do not answer, up to 20 of them.
	Streams     int      `json:"streams"`
	Unreachable []string `json:"unreachable,omitempty"`
	// Error is why nothing is known.
	Error string `json:"error,omitempty"`
}

// AlertHealth counts alerts that stand.
type AlertHealth struct {
	Active   int `json:"active"`
	Critical int `json:"critical"`
	Warning  int `json:"warning"`
	Info     int `json:"info"`
	// Unacknowledged are those that nobody has taken note of, Flapping those that come and go.
	Unacknowledged int `json:"unacknowledged"`
	Flapping       int `json:"flapping"`
	// Undelivered is how many events could not be delivered within the last week.
	Undelivered int `json:"undelivered"`
}

// OperationHealth is what agents and services have done within the last minute.
type OperationHealth struct {
	// Of is agent or service.
	Of         SourceKind `json:"of"`
	Operations uint64     `json:"operations"`
	Errors     uint64     `json:"errors"`
	// ErrorShare and P99 (seconds) are absent when nothing was done.
	ErrorShare *Measure `json:"error_share,omitempty"`
	P99        *Measure `json:"p99,omitempty"`
}

// Health is how the namespace does, as the replica that answers finds it.
type Health struct {
	// Status is that of the worst part. While a part is unknown and none is worse, the whole is unknown.
	Status HealthStatus `json:"status"`
	// Score is that of the part that has the lowest; absent when none is known. A system is as healthy as its sickest part.
	Score *Measure     `json:"score,omitempty"`
	Parts []HealthPart `json:"parts"`

	Store      StoreHealth       `json:"store"`
	Services   []ServiceHealth   `json:"services"`
	Fleet      *FleetHealth      `json:"fleet,omitempty"`
	Operations []OperationHealth `json:"operations"`
	Alerts     *AlertHealth      `json:"alerts,omitempty"`
	Metrics    MetricsStatus     `json:"metrics"`
	At         time.Time         `json:"at"`
}
