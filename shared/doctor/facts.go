package doctor

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Facts are what was found out about a namespace. Times are those of the server, unless said.
type Facts struct {
	At        time.Time
	Namespace string
	Server    Server
	Clocks    []Clock
	Streams   []Stream
	Consumers []Consumer
	Leases    []Lease
	Services  []Instance
	// Ready has, for each service, how many replicas can answer, of how many that live; nil when nobody could say.
	Ready   map[string]Ready
	Hosts   []Host
	Agents  []Agent
	States  []string // ids of agents of which a state is kept
	Tasks   []Task
	Budgets []Budget
	Papers  []Paper
	Tails   []Tail // of the replicated logs that are there
	Bodies  Bodies
	// Silent are services that were asked and do not listen.
	Silent []string
	// Denied names what the credentials in use may not do of what was tried.
	Denied []string
	// Unknown says what could not be looked at: what, and why.
	Unknown [][2]string
	// Looked says which lists are whole; rules that conclude from what is missing need it.
	Looked Looked
}

// Looked says which lists of the facts are whole.
type Looked struct{ Agents, Hosts, Services bool }

// Server is the NATS server, as the connection that was used shows it.
type Server struct {
	Version  string
	Nodes    int  // servers of the cluster that are known of; 1 outside one
	Open     bool // it asks nobody who he is
	TLS      bool
	Loopback bool // the connection does not leave the machine
	// Sync is after how long what is written is on the disk at the latest, 0 meaning before it is acknowledged; nil when it is not known.
	Sync *time.Duration
	// Bytes of MaxBytes are used in the account; MaxBytes is 0 when there is no bound.
	Bytes, MaxBytes uint64
}

// Clock is how far a clock is ahead of that of this machine.
type Clock struct {
	Who    string
	Ahead  time.Duration
	Within time.Duration // how far that may be off: half of the time that the question took
}

// Stream is the stream of a store.
type Stream struct {
	Store    string
	Name     string
	Replicas int
	Leader   string // "" when there is none, in a cluster
	Cluster  bool
	Peers    []Peer
	Messages uint64
	Bytes    uint64
	MaxBytes int64 // 0 or less: no bound
	Drops    bool  // when it is full the oldest goes, which is in order
	Metadata map[string]string
}

// Peer is a copy of a stream beside its leader's.
type Peer struct {
	Name    string
	Current bool
	Offline bool
	Lag     uint64
}

// Consumer is a durable consumer.
type Consumer struct {
	Stream     string
	Name       string
	Pending    uint64 // messages that it has not delivered
	AckPending int
	MaxAck     int // bound of AckPending; 0 or less: none
	Waiting    int // requests of those who pull
	Bound      bool
	Active     time.Time // when it delivered last; zero: never
	Created    time.Time
}

// Lease is the lease of a process.
type Lease struct {
	ID      string
	Dead    bool
	Renewed time.Time
}

// Instance is a process of a service.
type Instance struct {
	ID, Name, Version string
	Live              bool
	Since             time.Time // it was registered
}

// Ready counts the replicas of a service.
type Ready struct{ Ready, Live int }

// Host is an agent host.
type Host struct {
	ID, Version string
	Live        bool
	Draining    bool
}

// Agent is an agent as far as a rule looks at it.
type Agent struct {
	ID, Host string
	Status   api.AgentStatus
	Wanted   bool
	Changed  time.Time
}

// Task is a task that is under way.
type Task struct {
	ID, Host string
	Started  time.Time
}

// Budget is a budget in which something is reserved for calls whose time is over.
type Budget struct {
	Name     string
	Reserved api.Micro
	Open     int       // calls
	Since    time.Time // when the first of them should have ended
}

// Paper is a certificate or a file of credentials.
type Paper struct {
	What    string
	Expires time.Time // zero: never
}
