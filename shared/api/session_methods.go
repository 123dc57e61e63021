package api

import (
	"encoding/json"
	"slices"
	"time"
)

// The methods of services/coordination about protocols and sessions.
var (
	ProtocolsRegister = Method[Protocol, Protocol]{
		Service: "coordination", Noun: "protocols", Verb: "register", Write: true,
		Doc: "Registers a protocol under a new name, or is conflict (already_registered). Its type, algorithm and parameters are checked as those of a session are.",
	}
	ProtocolsUpdate = Method[Protocol, Protocol]{
		Service: "coordination", Noun: "protocols", Verb: "update", Write: true,
		Doc: "Replaces a protocol, or is not_found (protocol_not_found). Sessions that are under way keep what they began with.",
	}
	ProtocolsGet = Method[NameRequest, Protocol]{
		Service: "coordination", Noun: "protocols", Verb: "get",
		Doc: "Returns a protocol, or not_found (protocol_not_found).",
	}
	ProtocolsList = Method[PageRequest, ProtocolsListResponse]{
		Service: "coordination", Noun: "protocols", Verb: "list",
		Doc: "Returns the protocols in the order of their names, a page at a time.",
	}
	ProtocolsUnregister = Method[NameRequest, DeregisterResponse]{
		Service: "coordination", Noun: "protocols", Verb: "unregister", Write: true,
		Doc: "Removes a protocol. Removing one that does not exist succeeds and says so.",
	}

	SessionsStart = Method[SessionStartRequest, Session]{
		Service: "coordination", Noun: "sessions", Verb: "start", Write: true,
		Doc: "Starts a session among agents, and with wait returns it when it has ended or the wait is over. Refused with protocol_not_found, agents_not_found, some_agents_not_found, empty_agent_pool, insufficient_participants, too_many_participants, insufficient_agents, invalid_configuration, too_many_active_sessions; a session of the same id that was not this very request is conflict (session_exists).",
	}
	SessionsAnswer = Method[SessionAnswerRequest, SessionReceipt]{
		Service: "coordination", Noun: "sessions", Verb: "answer", Write: true,
		Doc: "Gives the answer of the principal who asks to the question of a round. Each member counts once in a round: the same answer again changes nothing, another one is conflict (already_answered). Who is no member, or was not asked, is permission_denied (not_participant); a round that is over is failed_precondition (round_closed), and a session that is over failed_precondition (session_ended).",
	}
	SessionsGet = Method[SessionGetRequest, Session]{
		Service: "coordination", Noun: "sessions", Verb: "get",
		Doc: "Returns a session with its transcript, however long ago it ended; with wait, when it has ended or the wait is over; or not_found (session_not_found).",
	}
	SessionsFollow = Method[SessionFollowRequest, SessionFollowResponse]{
		Service: "coordination", Noun: "sessions", Verb: "follow",
		Doc: "Returns what has happened in a session since the given step, and with wait, waits for more. The session itself comes with its end.",
	}
	SessionsList = Method[SessionsListRequest, SessionsListResponse]{
		Service: "coordination", Noun: "sessions", Verb: "list",
		Doc: "Returns sessions without their transcripts, a page at a time: first the active ones, and among them those that have ended within the last seconds, in the order of their ids; then, if they are asked for, all that have ended, the latest first.",
	}
	SessionsCancel = Method[SessionCancelRequest, Session]{
		Service: "coordination", Noun: "sessions", Verb: "cancel", Write: true,
		Doc: "Ends a session as cancelled. Only who started it may, if the session knows who that was (permission_denied). One that has ended is failed_precondition (session_ended).",
	}
	SessionsStats = Method[Empty, SessionsStatsResponse]{
		Service: "coordination", Noun: "sessions", Verb: "stats",
		Doc: "Counts the sessions of the namespace by type and outcome, with their measured durations, since the log began.",
	}
)

// NameRequest names a thing.
type NameRequest struct {
	Name string `json:"name"`
	// MinRevision waits until the replica has seen that revision.
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *NameRequest) Validate() error { return CheckID("name", r.Name) }

// PageRequest asks for a page.
type PageRequest struct {
	// After is where the page before has ended: its next.
	After string `json:"after,omitempty"`
	// Limit is the most of one page; 100 unless given, at most 1000.
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *PageRequest) Validate() error { return checkPage(r.Limit) }

// ProtocolsListResponse is a page of protocols.
type ProtocolsListResponse struct {
	Protocols []Protocol `json:"protocols"`
	// Next is where the next page begins; "" when this is the last.
	Next     string `json:"next,omitempty"`
	Revision string `json:"revision,omitempty"`
}

// SessionStartRequest starts a session.
type SessionStartRequest struct {
	// ID is the session's permanent name; one is made unless it is given.
	ID string `json:"id,omitempty"`
	// Protocol names a registered protocol; or else type says what to do, with algorithm, params and timeout. With a protocol
	// these override its own.
	Protocol  string          `json:"protocol,omitempty"`
	Type      SessionType     `json:"type,omitempty"`
	Algorithm string          `json:"algorithm,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Question  json.RawMessage `json:"question,omitempty"`
	// Members are ids of agents.
	Members []string `json:"members"`
	// Attributes are added to the members', by their ids.
	Attributes map[string]map[string]string `json:"attributes,omitempty"`
	Timeout    Duration                     `json:"timeout,omitzero"`
	// Within ends the whole session after that time.
	Within   Duration `json:"within,omitzero"`
	Priority Priority `json:"priority,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	// Wait is how long to wait for the session's end; 0 answers at once. The request's own deadline limits it too.
	Wait Duration `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *SessionStartRequest) Validate() error {
	if err := CheckOptionalID("id", r.ID); err != nil {
		return err
	}
	if (r.Protocol == "") == (r.Type == "") {
		return Errorf(Invalid, "give either protocol or type").WithReason(ReasonMissingFields).WithFields("protocol", "type")
	}
	if err := CheckOptionalID("protocol", r.Protocol); err != nil {
		return err
	}
	if r.Type != "" && !slices.Contains(SessionTypes, r.Type) {
		return Errorf(Invalid, "type must be one of %v", SessionTypes).WithReason(ReasonInvalidSessionType).WithFields("type")
	}
	if err := checkSessionText(r.Question, "question"); err != nil {
		return err
	}
	if err := checkSessionParams(r.Params); err != nil {
		return err
	}
	if err := checkIDs("members", r.Members, MaxSessionMembers); err != nil {
		return err
	}
	for i, m := range r.Members {
		if slices.Contains(r.Members[:i], m) {
			return Errorf(Invalid, "members names %s twice", m).WithReason(ReasonConfiguration).WithFields("members")
		}
	}
	for id := range r.Attributes {
		if !slices.Contains(r.Members, id) {
			return Errorf(Invalid, "attributes are given for %.70q, who is no member", id).WithFields("attributes")
		}
	}
	if err := checkTags("tags", r.Tags); err != nil {
		return err
	}
	if r.Priority != "" && r.Priority != PriorityHigh && r.Priority != PriorityLow {
		return Errorf(Invalid, "priority must be %s or %s", PriorityHigh, PriorityLow).WithFields("priority")
	}
	return checkSessionTimes(map[string]Duration{"timeout": r.Timeout, "within": r.Within, "wait": r.Wait})
}

func checkSessionTimes(times map[string]Duration) error {
	for field, d := range times {
		if d < 0 || d.Std() > MaxSessionTime*time.Second {
			return Errorf(Invalid, "%s must be 0s to %ds", field, MaxSessionTime).WithFields(field)
		}
	}
	return nil
}

func checkSessionText(raw json.RawMessage, field string) error {
	if len(raw) > MaxSessionQuestion {
		return Errorf(Invalid, "%s has %d bytes, at most %d are allowed", field, len(raw), MaxSessionQuestion).WithReason(ReasonPayloadTooLarge).WithFields(field)
	}
	if err := checkDepth(field, raw); err != nil {
		return err.WithReason(ReasonMalformed)
	}
	return nil
}

func checkSessionParams(raw json.RawMessage) error {
	if err := checkSessionText(raw, "params"); err != nil {
		return err
	}
	if len(raw) > 0 && raw[0] != '{' {
		return Errorf(Invalid, "params must be a JSON object").WithReason(ReasonConfiguration).WithFields("params")
	}
	return nil
}

// Validate implements Validator.
func (p *Protocol) Validate() error {
	if p.Name == "" || p.Type == "" {
		return Errorf(Invalid, "a protocol needs a name and a type").WithReason(ReasonMissingFields).WithFields("name", "type")
	}
	if err := CheckID("name", p.Name); err != nil {
		return err
	}
	if !slices.Contains(SessionTypes, p.Type) {
		return Errorf(Invalid, "type must be one of %v", SessionTypes).WithReason(ReasonInvalidProtocolType).WithFields("type")
	}
	if err := checkSessionParams(p.Params); err != nil {
		return err
	}
	if len(p.Doc) > 4096 {
		return Errorf(Invalid, "doc has %d bytes, at most 4096 are allowed", len(p.Doc)).WithFields("doc")
	}
	return checkSessionTimes(map[string]Duration{"timeout": p.Timeout})
}

// SessionAnswerRequest is a member's answer.
type SessionAnswerRequest struct {
	Session string `json:"session"`
	// Round is that of the question.
	Round int `json:"round"`
	// Answer is a JSON value of the form that the type asks for.
	Answer json.RawMessage `json:"answer,omitempty"`
	// Error says instead why there is none.
	Error string `json:"error,omitempty"`
}

// Validate implements Validator.
func (r *SessionAnswerRequest) Validate() error {
	if (len(r.Answer) == 0) == (r.Error == "") {
		return Errorf(Invalid, "give either an answer or an error").WithReason(ReasonMissingFields).WithFields("answer", "error")
	}
	if len(r.Answer) > MaxSessionAnswer || len(r.Error) > MaxSessionAnswer {
		return Errorf(Invalid, "an answer may have %d bytes", MaxSessionAnswer).WithReason(ReasonPayloadTooLarge).WithFields("answer")
	}
	if err := checkDepth("answer", r.Answer); err != nil {
		return err.WithReason(ReasonInvalidAnswer)
	}
	if r.Round < 1 || r.Round > MaxSessionRounds {
		return Errorf(Invalid, "round must be 1 to %d", MaxSessionRounds).WithFields("round")
	}
	return CheckID("session", r.Session)
}

// SessionReceipt tells that an answer counts.
type SessionReceipt struct {
	// State is the session's after the answer.
	State SessionState `json:"state"`
	Round int          `json:"round"`
	// Head is the end of the session's chain of hashes after the answer, in hex.
	Head     string `json:"head"`
	Revision string `json:"revision,omitempty"`
}

// SessionGetRequest asks for a session.
type SessionGetRequest struct {
	ID string `json:"id"`
	// Wait is how long to wait for its end.
	Wait        Duration `json:"wait,omitzero"`
	MinRevision string   `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *SessionGetRequest) Validate() error {
	if err := CheckID("id", r.ID); err != nil {
		return err
	}
	return checkSessionTimes(map[string]Duration{"wait": r.Wait})
}

// SessionFollowRequest asks for the progress of a session.
type SessionFollowRequest struct {
	ID string `json:"id"`
	// After is the last step that is known; 0 means from the beginning.
	After int `json:"after,omitempty"`
	// Wait is how long to wait for a further step when there is none yet.
	Wait Duration `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *SessionFollowRequest) Validate() error {
	if r.After < 0 {
		return Errorf(Invalid, "after must not be less than 0").WithFields("after")
	}
	if err := CheckID("id", r.ID); err != nil {
		return err
	}
	return checkSessionTimes(map[string]Duration{"wait": r.Wait})
}

// SessionStep is something that happened in a session.
type SessionStep struct {
	// Number counts the steps of a session from 1.
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	// What is started, asked, answered, failed, silent, closed, or a state that ended the session.
	What   string `json:"what"`
	Round  int    `json:"round,omitempty"`
	Phase  string `json:"phase,omitempty"`
	Member string `json:"member,omitempty"`
}

// SessionFollowResponse is the progress of a session.
type SessionFollowResponse struct {
	Steps []SessionStep `json:"steps"`
	// Next is the step to go on from.
	Next int `json:"next"`
	// Session is there when it has ended, and then no more steps will come.
	Session *Session `json:"session,omitempty"`
}

// SessionsListRequest asks for sessions.
type SessionsListRequest struct {
	// State keeps those of one state; the active ones unless given or all is set.
	State SessionState `json:"state,omitempty"`
	// All lists the ended ones too.
	All      bool        `json:"all,omitempty"`
	Type     SessionType `json:"type,omitempty"`
	Protocol string      `json:"protocol,omitempty"`
	// Member keeps those with this member.
	Member string `json:"member,omitempty"`
	After  string `json:"after,omitempty"`
	Limit  int    `json:"limit,omitempty"`
}

// Validate implements Validator.
func (r *SessionsListRequest) Validate() error {
	if r.State != "" && !slices.Contains(SessionStates, r.State) {
		return Errorf(Invalid, "state must be one of %v", SessionStates).WithFields("state")
	}
	if r.Type != "" && !slices.Contains(SessionTypes, r.Type) {
		return Errorf(Invalid, "type must be one of %v", SessionTypes).WithReason(ReasonInvalidSessionType).WithFields("type")
	}
	return checkPage(r.Limit)
}

// SessionsListResponse is a page of sessions.
type SessionsListResponse struct {
	Sessions []Session `json:"sessions"`
	Next     string    `json:"next,omitempty"`
	Revision string    `json:"revision,omitempty"`
}

// SessionCancelRequest ends a session.
type SessionCancelRequest struct {
	ID     string `json:"id"`
	Reason string `json:"reason,omitempty"`
}

// Validate implements Validator.
func (r *SessionCancelRequest) Validate() error {
	if len(r.Reason) > 1024 {
		return Errorf(Invalid, "reason has %d bytes, at most 1024 are allowed", len(r.Reason)).WithFields("reason")
	}
	return CheckID("id", r.ID)
}

// SessionsStatsResponse counts sessions.
type SessionsStatsResponse struct {
	// Total counts all that were started.
	Total  int `json:"total"`
	Active int `json:"active"`
	// Protocols is how many are registered.
	Protocols int            `json:"protocols"`
	Types     []SessionCount `json:"types"`
	Revision  string         `json:"revision,omitempty"`
}

// SessionCount counts the sessions of one type.
type SessionCount struct {
	Type      SessionType `json:"type"`
	Started   int         `json:"started"`
	Completed int         `json:"completed"`
	Failed    int         `json:"failed"`
	Timeout   int         `json:"timeout"`
	Cancelled int         `json:"cancelled"`
	// Asked and Answered count questions and answers of those that have ended.
	Asked    int `json:"asked"`
	Answered int `json:"answered"`
	// Duration is the mean of those that have ended; Longest is the longest.
	Duration Duration `json:"duration"`
	Longest  Duration `json:"longest"`
}
