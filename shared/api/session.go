package api

import (
	"encoding/json"
	"time"
)

// Bounds of sessions.
const (
	MaxSessionMembers  = 1000      // members of one session
	MaxSessionQuestion = 64 << 10  // bytes of what a session is about, and of its parameters
	MaxSessionAnswer   = 64 << 10  // bytes of a member's answer
	MaxSessionResult   = 256 << 10 // bytes of a session's result
	MaxSessionRounds   = 1000      // rounds of one session
	MaxSessionBytes    = 8 << 20   // bytes of questions and answers of one session; one that grows beyond fails
	MaxSessionTags     = 32        // tags of one session
	MaxSessions        = 100_000   // sessions that are active at a time in a namespace; further ones are overloaded
	MaxSessionTime     = 86400     // seconds that a round of a session may take
)

// SessionType is what a session does with the answers of its members.
type SessionType string

// The types of sessions.
const (
	SessionConsensus    SessionType = "consensus"              // one answer each to one question
	SessionVoting       SessionType = "voting"                 // the same: the reference system's other name for it
	SessionWeighted     SessionType = "weighted_consensus"     // votes by expertise, consistency and history
	SessionIterative    SessionType = "iterative_refinement"   // proposals and feedback in rounds
	SessionHierarchical SessionType = "hierarchical_consensus" // clusters whose representatives go on deciding
	SessionNegotiation  SessionType = "negotiation"            // alternating offers
	SessionAllocation   SessionType = "resource_allocation"    // shares of what there is
	SessionByzantine    SessionType = "byzantine_consensus"    // agreement in spite of liars
	SessionEnsemble     SessionType = "ensemble_learning"
	SessionSearch       SessionType = "hyperparameter_search"
	SessionTournament   SessionType = "model_selection"
	SessionReasoning    SessionType = "chain_of_thought"
	SessionTools        SessionType = "tool_orchestration"
	SessionFusion       SessionType = "multi_modal_fusion"
	SessionDecision     SessionType = "decision"     // one member decides alone
	SessionAnnouncement SessionType = "announcement" // members are told something, and say what came of it
)

// SessionTypes lists every type.
var SessionTypes = []SessionType{
	SessionConsensus, SessionVoting, SessionWeighted, SessionIterative, SessionHierarchical, SessionNegotiation, SessionAllocation,
	SessionByzantine, SessionEnsemble, SessionSearch, SessionTournament, SessionReasoning, SessionTools, SessionFusion, SessionDecision,
	SessionAnnouncement,
}

// SessionState is where a session stands.
type SessionState string

// The states of a session. All but the first are its end.
const (
	SessionActive    SessionState = "active"
	SessionCompleted SessionState = "completed" // it has a result
	SessionFailed    SessionState = "failed"    // it has none, and reason says why
	SessionTimeout   SessionState = "timeout"   // it was over time
	SessionCancelled SessionState = "cancelled"
)

// SessionStates lists every state.
var SessionStates = []SessionState{SessionActive, SessionCompleted, SessionFailed, SessionTimeout, SessionCancelled}

// Protocol is what many sessions have in common, under a name.
type Protocol struct {
	Name string      `json:"name"`
	Type SessionType `json:"type"`
	// Algorithm is one of the type's; the type's default unless given. The types and their algorithms are in docs/coordination.md.
	Algorithm string `json:"algorithm,omitempty"`
	// Params are the type's parameters. A session may override them one by one.
	Params json.RawMessage `json:"params,omitempty"`
	// Timeout is how long each round may take; the type's default unless given.
	Timeout Duration `json:"timeout,omitzero"`
	// Doc says in words what the protocol is for.
	Doc       string    `json:"doc,omitempty"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	Revision  string    `json:"revision,omitempty"`
}

// Session is one run of a protocol among its members: who was asked what, who answered what, and what came of it.
type Session struct {
	ID string `json:"id"`
	// Protocol is the name of the protocol, if the session was started by one.
	Protocol  string          `json:"protocol,omitempty"`
	Type      SessionType     `json:"type"`
	Algorithm string          `json:"algorithm,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	// Question is what the session is about: any JSON value, passed to the members as it is.
	Question json.RawMessage `json:"question,omitempty"`
	Members  []SessionMember `json:"members"`
	State    SessionState    `json:"state"`
	// Reason says why there is no result, in words for people after a reason for programs.
	Reason string `json:"reason,omitempty"`
	// Result is of the type's own form.
	Result json.RawMessage `json:"result,omitempty"`
	// Rounds is the transcript. In a list it is left out.
	Rounds []SessionRound `json:"rounds,omitempty"`
	// Timeout is how long each round may take.
	Timeout Duration `json:"timeout"`
	// Deadline is when the whole session ends as timeout, if it was given one.
	Deadline time.Time `json:"deadline,omitzero"`
	// StartedBy is the principal who started the session, and who may cancel it.
	StartedBy string    `json:"started_by,omitempty"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Priority  Priority  `json:"priority,omitempty"`
	Tags      []string  `json:"tags,omitempty"`
	// Origin says what the session is part of, for example "variable/<name>".
	Origin string       `json:"origin,omitempty"`
	Stats  SessionStats `json:"stats"`
	// Head is the end of the session's own chain of hashes, in hex: see docs/coordination.md.
	Head     string `json:"head"`
	Revision string `json:"revision,omitempty"`
}

// SessionMember is an agent in a session.
type SessionMember struct {
	ID string `json:"id"`
	// Attributes are what clusters are made by: the agent's type, host and capabilities as the registry has them at the start,
	// and whatever the starter adds.
	Attributes map[string]string `json:"attributes,omitempty"`
}

// SessionRound is one question to some members, with their answers.
type SessionRound struct {
	Number int `json:"number"`
	// Phase is what the round is for, in the type's words.
	Phase    string       `json:"phase"`
	AskedAt  time.Time    `json:"asked_at"`
	Deadline time.Time    `json:"deadline"`
	ClosedAt time.Time    `json:"closed_at,omitzero"`
	Asks     []SessionAsk `json:"asks"`
}

// AskState is what became of a question to one member.
type AskState string

// The states of a question.
const (
	AskOpen     AskState = "open"     // no answer yet
	AskAnswered AskState = "answered" //
	AskFailed   AskState = "failed"   // the member could not be reached, or answered with an error
	AskSilent   AskState = "silent"   // no answer in time
	AskUnneeded AskState = "unneeded" // the round was over without it
)

// SessionAsk is the question to one member of a round.
type SessionAsk struct {
	Member string `json:"member"`
	// Ask is what the type adds to the question for this member: the options, what others have proposed, an offer.
	Ask    json.RawMessage `json:"ask,omitempty"`
	State  AskState        `json:"state"`
	Answer json.RawMessage `json:"answer,omitempty"`
	// Error is why there is no answer.
	Error      string    `json:"error,omitempty"`
	AnsweredAt time.Time `json:"answered_at,omitzero"`
}

// SessionStats are measured.
type SessionStats struct {
	Asked    int `json:"asked"`
	Answered int `json:"answered"`
	Failed   int `json:"failed"`
	Silent   int `json:"silent"`
	Unneeded int `json:"unneeded"`
	// Bytes of questions and answers.
	Bytes int `json:"bytes"`
	// Duration is from the start to the end, or to now.
	Duration Duration `json:"duration"`
}

// SessionQuestion is the message that a member gets. Its agent answers it as any other message, and the host passes that on as the
// member's answer (sessions.answer, in the member's name); whoever has no host sends that request itself.
type SessionQuestion struct {
	Session  string          `json:"session"`
	Type     SessionType     `json:"type"`
	Round    int             `json:"round"`
	Phase    string          `json:"phase"`
	Question json.RawMessage `json:"question,omitempty"`
	Ask      json.RawMessage `json:"ask,omitempty"`
	Deadline time.Time       `json:"deadline"`
}
