package api

import (
	"encoding/json"
	"time"
)

// HostStatus tells whether an agent host lives.
type HostStatus string

// The statuses of a host and of a service.
const (
	HostLive HostStatus = "live"
	HostDead HostStatus = "dead" // its lease has run out, or nobody reaches it; kept until it is deregistered or comes back
)

// Host is one agent host process.
type Host struct {
	ID string `json:"id"`
	// Lease is the process lease the host lives by; it is the host's incarnation.
	Lease string `json:"lease"`
	// Version is that of the host's binary.
	Version string `json:"version,omitempty"`
	// Modules are the Go types that the host can run as native agents.
	Modules []string `json:"modules,omitempty"`
	// MaxAgents is how many agents the host takes.
	MaxAgents int `json:"max_agents,omitempty"`
	CPUs      int `json:"cpus,omitempty"`
	// Memory is what the host has for agents, in bytes; not bounded unless given.
	Memory int64 `json:"memory,omitempty"`
	// Load is the share of the host's processors that is in use, in percent, rounded to tens.
	Load int `json:"load,omitempty"`
	// Draining says that the host gives its agents to others and takes none.
	Draining     bool       `json:"draining,omitempty"`
	Tags         []string   `json:"tags,omitempty"`
	Principal    string     `json:"principal,omitempty"` // who registered it
	Status       HostStatus `json:"status,omitempty"`
	RegisteredAt time.Time  `json:"registered_at,omitzero"`
	Revision     string     `json:"revision,omitempty"`
}

// Validate implements Validator.
func (h *Host) Validate() error {
	if err := CheckID("id", h.ID); err != nil {
		return err
	}
	if err := CheckID("lease", h.Lease); err != nil {
		return err
	}
	if len(h.Version) > MaxTagLength {
		return Errorf(Invalid, "version has more than %d bytes", MaxTagLength).WithFields("version")
	}
	if h.MaxAgents < 0 || h.CPUs < 0 || h.Memory < 0 || h.Load < 0 {
		return Errorf(Invalid, "max_agents, cpus, memory and load must not be negative").WithFields("max_agents", "cpus", "memory", "load")
	}
	if h.Principal != "" || h.Status != "" || !h.RegisteredAt.IsZero() || h.Revision != "" {
		return Errorf(Invalid, "principal, status, registered_at and revision are the registry's to set").WithFields("principal", "status", "registered_at", "revision")
	}
	if err := checkIDs("modules", h.Modules, MaxBulk); err != nil {
		return err
	}
	return checkTags("tags", h.Tags)
}

// Service is one running instance of a service, Mabus's own or anybody's.
type Service struct {
	// ID is unique among all instances.
	ID string `json:"id"`
	// Name is what the instances of one service share.
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	// Subject is where the service can be asked; its own business unless it is a service of Mabus.
	Subject  string          `json:"subject,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Tags     []string        `json:"tags,omitempty"`
	// Lease is the process lease the instance lives by; without one it is listed until it is deregistered.
	Lease        string     `json:"lease,omitempty"`
	Principal    string     `json:"principal,omitempty"` // who registered it
	Status       HostStatus `json:"status,omitempty"`
	RegisteredAt time.Time  `json:"registered_at,omitzero"`
	Revision     string     `json:"revision,omitempty"`
}

// Validate implements Validator.
func (s *Service) Validate() error {
	if err := CheckID("id", s.ID); err != nil {
		return err
	}
	if err := CheckID("name", s.Name); err != nil {
		return err
	}
	if err := CheckOptionalID("lease", s.Lease); err != nil {
		return err
	}
	if len(s.Version) > MaxTagLength || len(s.Subject) > 1024 {
		return Errorf(Invalid, "version has at most %d bytes, subject at most 1024", MaxTagLength).WithFields("version", "subject")
	}
	if s.Principal != "" || s.Status != "" || !s.RegisteredAt.IsZero() || s.Revision != "" {
		return Errorf(Invalid, "principal, status, registered_at and revision are the registry's to set").WithFields("principal", "status", "registered_at", "revision")
	}
	if err := checkObject("metadata", s.Metadata); err != nil {
		return err
	}
	return checkTags("tags", s.Tags)
}

// The methods of services/registry about hosts and services.
var (
	HostsRegister = Method[Host, Host]{
		Service: "registry", Noun: "hosts", Verb: "register", Write: true,
		Doc: "Registers an agent host under a live lease. A host that comes back with a new lease replaces its dead self; while the old lease lives it is conflict (already_registered). A host that was marked dead under its lease is fenced (lease_lost). In strict mode a live host is changed by the principal that registered it, one of its name, or an operator; others are permission_denied (not_self).",
	}
	HostsGet = Method[GetRequest, Host]{
		Service: "registry", Noun: "hosts", Verb: "get",
		Doc: "Returns one host, or not_found (host_not_found).",
	}
	HostsList = Method[HostsListRequest, HostsListResponse]{
		Service: "registry", Noun: "hosts", Verb: "list",
		Doc: "Returns the hosts that meet every given condition, in the order of their ids, a page at a time.",
	}
	HostsDeregister = Method[DeregisterRequest, DeregisterResponse]{
		Service: "registry", Noun: "hosts", Verb: "deregister", Write: true,
		Doc: "Removes a host. Agents that it still ran become failed (host_lost). In strict mode others than for register are permission_denied (not_self).",
	}
	HostsWatch = Method[Empty, WatchResponse]{
		Service: "registry", Noun: "hosts", Verb: "watch",
		Doc: "Tells the subject on which every change of a host is published as a CloudEvent.",
	}

	ServicesRegister = Method[Service, Service]{
		Service: "registry", Noun: "services", Verb: "register", Write: true,
		Doc: "Registers an instance of a service. A dead instance of the same id is replaced; a live one is conflict (already_registered), unless it holds the same lease. In strict mode a live instance is changed by the principal that registered it, one of its name, or an operator; others are permission_denied (not_self).",
	}
	ServicesGet = Method[GetRequest, Service]{
		Service: "registry", Noun: "services", Verb: "get",
		Doc: "Returns one instance, or not_found (service_not_found).",
	}
	ServicesList = Method[ServicesListRequest, ServicesListResponse]{
		Service: "registry", Noun: "services", Verb: "list",
		Doc: "Returns the instances that meet every given condition, in the order of their ids, a page at a time.",
	}
	ServicesWaitFor = Method[ServicesWaitForRequest, Service]{
		Service: "registry", Noun: "services", Verb: "wait_for",
		Doc: "Answers as soon as a live instance of the named service is registered, or with deadline_exceeded (timeout).",
	}
	ServicesDeregister = Method[DeregisterRequest, DeregisterResponse]{
		Service: "registry", Noun: "services", Verb: "deregister", Write: true,
		Doc: "Removes an instance. Removing one that does not exist succeeds and says so. In strict mode others than for register are permission_denied (not_self).",
	}
	ServicesStats = Method[Empty, ServicesStatsResponse]{
		Service: "registry", Noun: "services", Verb: "stats",
		Doc: "Counts instances by name and status.",
	}
	ServicesWatch = Method[Empty, WatchResponse]{
		Service: "registry", Noun: "services", Verb: "watch",
		Doc: "Tells the subject on which every change of a service is published as a CloudEvent.",
	}
)

// HostsListRequest selects hosts.
type HostsListRequest struct {
	Status      HostStatus `json:"status,omitempty"`
	Module      string     `json:"module,omitempty"` // the host can run it
	Tags        []string   `json:"tags,omitempty"`   // the host has all of them
	Limit       int        `json:"limit,omitempty"`
	Cursor      string     `json:"cursor,omitempty"`
	MinRevision string     `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *HostsListRequest) Validate() error {
	if err := checkPage(r.Limit); err != nil {
		return err
	}
	if err := checkHostStatus(r.Status); err != nil {
		return err
	}
	if err := CheckOptionalID("cursor", r.Cursor); err != nil {
		return err
	}
	if err := CheckOptionalID("module", r.Module); err != nil {
		return err
	}
	return checkTags("tags", r.Tags)
}

func checkHostStatus(s HostStatus) error {
	if s != "" && s != HostLive && s != HostDead {
		return Errorf(Invalid, "status must be live or dead").WithFields("status")
	}
	return nil
}

// HostsListResponse is one page of hosts.
type HostsListResponse struct {
	Hosts    []Host `json:"hosts"`
	Next     string `json:"next,omitempty"`
	Revision string `json:"revision"`
}

// ServicesListRequest selects instances of services.
type ServicesListRequest struct {
	Name        string     `json:"name,omitempty"`
	Status      HostStatus `json:"status,omitempty"`
	Tags        []string   `json:"tags,omitempty"`
	Limit       int        `json:"limit,omitempty"`
	Cursor      string     `json:"cursor,omitempty"`
	MinRevision string     `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *ServicesListRequest) Validate() error {
	if err := checkPage(r.Limit); err != nil {
		return err
	}
	if err := checkHostStatus(r.Status); err != nil {
		return err
	}
	if err := CheckOptionalID("cursor", r.Cursor); err != nil {
		return err
	}
	if err := CheckOptionalID("name", r.Name); err != nil {
		return err
	}
	return checkTags("tags", r.Tags)
}

// ServicesListResponse is one page of instances.
type ServicesListResponse struct {
	Services []Service `json:"services"`
	Next     string    `json:"next,omitempty"`
	Revision string    `json:"revision"`
}

// ServicesWaitForRequest waits for a live instance of a service.
type ServicesWaitForRequest struct {
	Name string `json:"name"`
	// Timeout is how long to wait; the request's own deadline unless given, and never longer.
	Timeout Duration `json:"timeout,omitzero"`
}

// Validate implements Validator.
func (r *ServicesWaitForRequest) Validate() error {
	if r.Timeout < 0 || r.Timeout.Std().Seconds() > MaxRequestTimeout {
		return Errorf(Invalid, "timeout must be 0s to %ds", MaxRequestTimeout).WithFields("timeout")
	}
	return CheckID("name", r.Name)
}

// ServicesStatsResponse counts instances of services.
type ServicesStatsResponse struct {
	Total    int                `json:"total"`
	ByName   map[string]int     `json:"by_name"`
	ByStatus map[HostStatus]int `json:"by_status"`
	Revision string             `json:"revision"`
}
