package api

// The methods of services/registry by which an agent outside of hosts keeps its own record. They are those of agents.* with one rule more:
// the id is the principal's who asks, and the agent is external. In strict mode the credentials of agents are granted these, and not
// agents.*, by which one could register a command under another's name.
var (
	SelfRegister = Method[AgentSpec, Agent]{
		Service: "registry", Noun: "self", Verb: "register", Write: true,
		Doc: "Registers the principal who asks as an external agent, as agents.register does. Another id or runtime is permission_denied (not_self).",
	}
	SelfUpdate = Method[AgentUpdateRequest, Agent]{
		Service: "registry", Noun: "self", Verb: "update", Write: true,
		Doc: "Replaces the metadata, tags or capabilities of the principal who asks, as agents.update does. Another id, or an agent of a host, is permission_denied (not_self).",
	}
	SelfTransition = Method[AgentTransitionRequest, Agent]{
		Service: "registry", Noun: "self", Verb: "transition", Write: true,
		Doc: "Moves the principal who asks to another status, as agents.transition does. Another id, or an agent of a host, is permission_denied (not_self).",
	}
	SelfDeregister = Method[DeregisterRequest, DeregisterResponse]{
		Service: "registry", Noun: "self", Verb: "deregister", Write: true,
		Doc: "Removes the principal who asks, as agents.deregister does. Another id, or an agent of a host, is permission_denied (not_self).",
	}
)

var selfMethods = []Descriptor{SelfRegister.Describe(), SelfUpdate.Describe(), SelfTransition.Describe(), SelfDeregister.Describe()}

// Reasons of refusals by who asks, or how.
const (
	ReasonNotGranted   = "not_granted"   // permission_denied: NATS does not let these credentials publish or subscribe there
	ReasonNotSelf      = "not_self"      // permission_denied: the request is about somebody else than who asks
	ReasonForeignReply = "foreign_reply" // permission_denied: the reply subject is no inbox of who asks; told by an event alone, since no answer can go there
	ReasonNoStore      = "no_store"      // failed_precondition: these credentials may not use JetStream, and this needs it
	ReasonCredentials  = "credentials"   // unauthenticated: the server takes these credentials no longer; unavailable until others have been tried
)
