package top

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Tab is a page of the view.
type Tab string

// The tabs, in their order.
const (
	TabFleet    Tab = "fleet"
	TabHosts    Tab = "hosts"
	TabAgents   Tab = "agents"
	TabTasks    Tab = "tasks"
	TabSessions Tab = "sessions"
	TabAuctions Tab = "auctions"
)

// Tabs lists every tab.
var Tabs = []Tab{TabFleet, TabHosts, TabAgents, TabTasks, TabSessions, TabAuctions}

// ValidTab tells whether there is such a tab.
func ValidTab(t Tab) bool { return slices.Contains(Tabs, t) }

// Query is what is to be read: a page, or the detail of one of its lines.
type Query struct {
	Tab Tab
	// By is the title of the column that the page is sorted by, Down whether the largest come first. They matter where a list is longer
	// than what is read of it.
	By   string
	Down bool
	// Detail is the id of a line.
	Detail string
}

// Snapshot is what was read for one page.
type Snapshot struct {
	Tab       Tab       `json:"tab"`
	Namespace string    `json:"namespace"`
	At        time.Time `json:"at"`
	// Problems are the parts that could not be read, whose figures are missing.
	Problems []Problem `json:"problems"`
	// Metrics says what the figures are of, and what they lack.
	Metrics *api.MetricsStatus `json:"metrics,omitempty"`

	Fleet    *Fleet    `json:"fleet,omitempty"`
	Hosts    *Hosts    `json:"hosts,omitempty"`
	Agents   *Agents   `json:"agents,omitempty"`
	Tasks    *Tasks    `json:"tasks,omitempty"`
	Sessions *Sessions `json:"sessions,omitempty"`
	Auctions *Auctions `json:"auctions,omitempty"`
	// Detail is that of a line.
	Detail []Fact `json:"detail,omitempty"`
}

// Problem is a part that could not be read, and why.
type Problem struct {
	Part  string   `json:"part"`
	Code  api.Code `json:"code"`
	Error string   `json:"error"`
}

// Fact is one line of a detail.
type Fact struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Fleet is the summary of everything. What could not be read is absent.
type Fleet struct {
	Agents *api.AgentsStatsResponse `json:"agents,omitempty"`
	Hosts  *HostCount               `json:"hosts,omitempty"`
	// Services are by their names.
	Services []Service `json:"services"`
	// Calls are what all agents, services and callers did in the last 5 seconds, as far as any did anything.
	Calls    []api.MetricSummary        `json:"calls"`
	Tasks    *api.TasksStatsResponse    `json:"tasks,omitempty"`
	Sessions *api.SessionsStatsResponse `json:"sessions,omitempty"`
	Auctions *api.AuctionsStatsResponse `json:"auctions,omitempty"`
	Balance  *api.BalanceStats          `json:"balance,omitempty"`
	// Alerts are those that stand, the most severe first.
	Alerts *Alerts `json:"alerts,omitempty"`
	// Events are the newest, without their data.
	Events []api.Event `json:"events,omitempty"`
}

// HostCount counts hosts.
type HostCount struct {
	Live     int `json:"live"`
	Dead     int `json:"dead"`
	Draining int `json:"draining"`
	// More says that there are hosts that were not counted.
	More bool `json:"more,omitempty"`
}

// Service is all instances of one service.
type Service struct {
	Name string `json:"name"`
	Live int    `json:"live"`
	Dead int    `json:"dead"`
	// Calls are its requests; absent if there were none, or if that is not known.
	Calls *api.MetricSummary `json:"calls,omitempty"`
}

// Alerts are those that stand.
type Alerts struct {
	Active int         `json:"active"`
	List   []api.Alert `json:"list"`
}

// Hosts are the agent hosts.
type Hosts struct {
	List []Host `json:"list"`
	More bool   `json:"more,omitempty"`
}

// Host is an agent host and what it was measured to do; what is absent was not reported in the last 5 seconds.
type Host struct {
	api.Host
	Agents      int          `json:"agents"`
	CPUShare    *api.Measure `json:"cpu_share,omitempty"`
	MemoryShare *api.Measure `json:"memory_share,omitempty"`
	// Queue is how many messages waited for the one of its agents that had the most.
	Queue *api.Measure `json:"queue,omitempty"`
	// Calls are those of its agents.
	Calls *api.MetricSummary `json:"calls,omitempty"`
}

// Agents are all agents, or those of a larger fleet that lead by the column that the page is sorted by.
type Agents struct {
	List []Agent `json:"list"`
	// Of is how many there are.
	Of       int                     `json:"of"`
	ByStatus map[api.AgentStatus]int `json:"by_status,omitempty"`
}

// Agent is an agent and what it was measured to do; what is absent was not reported in the last 5 seconds.
type Agent struct {
	ID        string             `json:"id"`
	Type      string             `json:"type,omitempty"`
	Status    api.AgentStatus    `json:"status,omitempty"`
	Host      string             `json:"host,omitempty"`
	Reason    string             `json:"reason,omitempty"`
	Restarts  int                `json:"restarts"`
	ChangedAt time.Time          `json:"changed_at,omitzero"`
	Calls     *api.MetricSummary `json:"calls,omitempty"`
	Queue     *api.Measure       `json:"queue,omitempty"`
	Active    *api.Measure       `json:"active,omitempty"`
	CPU       *api.Measure       `json:"cpu_cores,omitempty"`
	Memory    *api.Measure       `json:"memory_bytes,omitempty"`
}

// Tasks are the queues and the tasks that have not ended.
type Tasks struct {
	Stats *api.TasksStatsResponse `json:"stats,omitempty"`
	List  []api.Task              `json:"list"`
	More  bool                    `json:"more,omitempty"`
}

// Sessions are those that are active, and then the last that have ended.
type Sessions struct {
	Stats *api.SessionsStatsResponse `json:"stats,omitempty"`
	List  []api.Session              `json:"list"`
	More  bool                       `json:"more,omitempty"`
}

// Auctions are those that have not ended, and some that have.
type Auctions struct {
	Stats *api.AuctionsStatsResponse `json:"stats,omitempty"`
	List  []api.Auction              `json:"list"`
	More  bool                       `json:"more,omitempty"`
}
