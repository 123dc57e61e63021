package api

// Methods that remove what is kept. All may be repeated, and go on where one that was interrupted has ended.
var (
	JobsRemove = Method[JobRemoveRequest, JobRemoved]{
		Service: "agenthost", Noun: "jobs", Verb: "remove", Write: true,
		Doc: "Removes the outcomes of a job with what its tasks have said and saved, and their large bodies, for some seconds of work; ask again with next until it is absent. Refused with job_has_tasks.",
	}
	StatesRemove = Method[DeregisterRequest, Removed]{
		Service: "agenthost", Noun: "states", Verb: "remove", Write: true,
		Doc: "Removes what an agent that is not registered has saved. Refused with still_registered.",
	}
	AgentsPurge = Method[DeregisterRequest, DeregisterResponse]{
		Service: "registry", Noun: "agents", Verb: "purge", Write: true,
		Doc: "Removes an agent's record as deregister does, and the revisions of it that are kept otherwise for an hour more. Refused with agent_busy, events_behind.",
	}
)

// adminMethods are rows of the method table.
var adminMethods = []Descriptor{JobsRemove.Describe(), StatesRemove.Describe(), AgentsPurge.Describe()}
