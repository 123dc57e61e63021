package api

// DefaultNamespace is the first token of every subject unless configured otherwise. Two namespaces on one server never
// see each other: subjects, buckets and streams all carry it.
const DefaultNamespace = "mabus"

// Header names of requests and answers.
const (
	HeaderTimeout     = "Mabus-Timeout"           // request: a Go duration after which the caller no longer waits; absent means 5s
	HeaderRequestID   = "Mabus-Request-Id"        // request: makes a state change safe to repeat
	HeaderTraceparent = "traceparent"             // request: W3C trace context
	HeaderCausation   = "Mabus-Causation"         // request: id of the event on account of which it is made
	HeaderBlob        = "Mabus-Blob"              // both: the body is in the object store under this reference
	HeaderError       = "Nats-Service-Error"      // answer: the message of an error, as NATS micro has it
	HeaderErrorCode   = "Nats-Service-Error-Code" // answer: the code of an error, as NATS micro has it
	HeaderStream      = "Mabus-Stream"            // request: the answer may come in parts; the value is how many may be sent ahead
	HeaderKind        = "Mabus-Kind"              // answer in parts: chunk, progress, need_input, heartbeat, result or error
	HeaderSeq         = "Mabus-Seq"               // answer in parts: the number of the part, from 1; a heartbeat repeats the last
	HeaderCredit      = "Mabus-Credit"            // answer in parts: where the reader grants room for more; in a grant: how many
	HeaderJob         = "Mabus-Job"               // message to an agent: the job for which it is sent, passed on to nested messages
	HeaderUsage       = "Mabus-Usage"             // answer of an agent: what it has cost, as a JSON object
	HeaderSession     = "Mabus-Session"           // message to an agent: "<session>/<round>" marks the question of a session, whose answer goes to sessions.answer in the agent's name
	HeaderCast        = "Mabus-Cast"              // message to an agent: "1" asks for an empty answer as soon as the message is in the mailbox
)

// DefaultTimeout is the time that a request has when it carries no Mabus-Timeout header.
const DefaultTimeout = Duration(5e9)

// MethodSubject returns the subject of a method: <namespace>.<service>.<noun>.<verb>.
func MethodSubject(namespace, service, noun, verb string) string {
	return namespace + "." + service + "." + noun + "." + verb
}

// As returns the form of a subject that names the principal who asks:
// <namespace>.as.<principal>.<the rest>. A server that lets a principal publish only to its own form makes identity
// unforgeable.
func As(namespace, principal, subject string) string {
	if principal == "" {
		return subject
	}
	return namespace + ".as." + principal + subject[len(namespace):]
}

// InboxPrefix begins the reply subjects of a principal, on which services and the store answer. In strict mode nobody but these can
// publish there.
func InboxPrefix(principal string) string { return "_INBOX_" + principal }

// AnswerPrefix begins the reply subjects on which a principal hears the answers of agents and of agent hosts in strict mode. Whoever may
// answer messages may publish there, so each subject ends in a token that nobody can guess.
func AnswerPrefix(principal string) string { return "_ANSWER." + principal }

// AgentSubject reaches one agent.
func AgentSubject(namespace, id string) string { return namespace + ".agent." + id }

// CapabilitySubject reaches any one agent with the capability.
func CapabilitySubject(namespace, capability string) string {
	return namespace + ".capability." + capability
}

// AllSubject reaches every agent with the capability.
func AllSubject(namespace, capability string) string { return namespace + ".all." + capability }

// HostSubject reaches one agent host: its verbs are ping, and the noun.verb pairs that only that host can carry out.
func HostSubject(namespace, host, rest string) string {
	return namespace + ".host." + host + "." + rest
}

// HostConsumerSubject is where requests of hosts to make or delete a consumer arrive in strict mode: rest is CREATE.<stream>.<name>[.<filter>]
// or DELETE.<stream>.<name>, as behind $JS.API.CONSUMER. in the hosts' own account. Nobody can publish there in the namespace's.
func HostConsumerSubject(namespace, rest string) string { return namespace + ".consumers." + rest }

// CancelSubject cancels a request that carried the id, if the same principal made it.
func CancelSubject(namespace, requestID string) string { return namespace + ".cancel." + requestID }

// EventSubject is where events about one thing are published, for example mabus.event.registry.agents.a1.
func EventSubject(namespace, service, noun, id string) string {
	return namespace + ".event." + service + "." + noun + "." + id
}

// TaskSubject holds one task that has not ended.
func TaskSubject(namespace, capability string, p Priority, id string) string {
	return namespace + ".task." + capability + "." + string(p) + "." + id
}

// ResultSubject holds the outcome of one task. Job is "-" for a task of no job.
func ResultSubject(namespace, job, id string) string {
	if job == "" {
		job = "-"
	}
	return namespace + ".result." + job + "." + id
}

// PartsSubject holds what one task has said before its outcome.
func PartsSubject(namespace, id string) string { return namespace + ".parts." + id }

// Bucket returns the name of a KV bucket, object store or stream of the namespace. CheckNamespace sees to it that no two
// namespaces can mean the same one.
func Bucket(namespace, name string) string { return namespace + "_" + name }

// PartKind is what a part of an answer is.
type PartKind string

// The kinds of parts. Exactly one of the last two ends an answer.
const (
	PartChunk     PartKind = "chunk"      // a piece of what the caller asked for
	PartProgress  PartKind = "progress"   // how far the work is
	PartNeedInput PartKind = "need_input" // a question to the caller; the answer goes to the message's reply subject
	PartInput     PartKind = "input"      // the answer to a question, among what a task has said
	PartHeartbeat PartKind = "heartbeat"  // nothing new, but the sender lives
	PartResult    PartKind = "result"     // the end: what the caller asked for, or the rest of it
	PartError     PartKind = "error"      // the end: why there is no result
)
