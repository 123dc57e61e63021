package api

// The methods of services/perfmon about events.
var (
	EventsAppend = Method[Event, EventReceipt]{
		Service: "perfmon", Noun: "events", Verb: "append", Write: true,
		Doc: "Appends an event, in the form of CloudEvents, of which only type is required. An id that is given is permanent: the same event again gives the same answer, another one is conflict (already_exists). Data above 1,000,000 bytes, or above what the server takes in one message, is invalid (data_too_large).",
	}
	EventsAppendMany = Method[EventAppendManyRequest, EventAppendManyResponse]{
		Service: "perfmon", Noun: "events", Verb: "append_many", Write: true,
		Doc: "Appends up to 1000 events, all of them or none. If some have been appended before and others have not, none is: conflict (already_exists).",
	}
	EventsGet = Method[EventGetRequest, Event]{
		Service: "perfmon", Noun: "events", Verb: "get",
		Doc: "Returns an event, or not_found (event_not_found).",
	}
	EventsQuery = Method[EventQueryRequest, EventQueryResponse]{
		Service: "perfmon", Noun: "events", Verb: "query",
		Doc: "Returns the events that meet every given condition, in the given order and direction, a page at a time. Newest with a limit and nothing else gives the most recent ones.",
	}
	EventsFollow = Method[EventFollowRequest, EventFollowResponse]{
		Service: "perfmon", Noun: "events", Verb: "follow",
		Doc: "Returns the events after a position that meet every given condition, and with wait, waits for one. Asking again with the answer's next goes on where it ended.",
	}
	EventsChain = Method[EventChainRequest, EventChainResponse]{
		Service: "perfmon", Noun: "events", Verb: "chain",
		Doc: "Returns the events of a correlation as a tree, each behind its cause. Causes that are missing and cycles are told. An unknown correlation has no events.",
	}
	EventsPrune = Method[EventPruneRequest, EventPruneResponse]{
		Service: "perfmon", Noun: "events", Verb: "prune", Write: true,
		Doc: "Removes the events that the store took strictly before a time, or the oldest until the rest fits a size, and tells how many.",
	}
	EventsStats = Method[EventStatsRequest, EventStatsResponse]{
		Service: "perfmon", Noun: "events", Verb: "stats",
		Doc: "Counts the events that were stored, that are kept and that are gone, and tells how many of each type.",
	}
	EventsReplay = Method[EventReplayRequest, EventReplayResponse]{
		Service: "perfmon", Noun: "events", Verb: "replay", Write: true,
		Doc: "Publishes the events after a position once more, at a bounded rate, to <namespace>.replay.<to>, until limit, the end, or the caller's time is reached. Asking again with the answer's next goes on where it ended.",
	}
)

var eventMethods = []Descriptor{
	EventsAppend.Describe(), EventsAppendMany.Describe(), EventsGet.Describe(), EventsQuery.Describe(), EventsFollow.Describe(),
	EventsChain.Describe(), EventsPrune.Describe(), EventsStats.Describe(), EventsReplay.Describe(),
}
