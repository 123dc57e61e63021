package api

// The methods of services/perfmon about alerts and health.
var (
	AlertRulesAdd = Method[AlertRule, AlertRule]{
		Service: "perfmon", Noun: "rules", Verb: "add", Write: true,
		Doc: "Adds a rule. Refused with missing_required_fields without id, metric, threshold and comparison, and with rule_exists, too_many_rules.",
	}
	AlertRulesSet = Method[AlertRuleSetRequest, AlertRule]{
		Service: "perfmon", Noun: "rules", Verb: "set", Write: true,
		Doc: "Replaces a rule. Refused with rule_not_found, version_mismatch.",
	}
	AlertRulesRemove = Method[DeregisterRequest, DeregisterResponse]{
		Service: "perfmon", Noun: "rules", Verb: "remove", Write: true,
		Doc: "Removes a rule; its alerts end. Refused with rule_not_found.",
	}
	AlertRulesGet = Method[GetRequest, AlertRule]{
		Service: "perfmon", Noun: "rules", Verb: "get",
		Doc: "Returns a rule, or not_found (rule_not_found).",
	}
	AlertRulesList = Method[AlertRulesListRequest, AlertRulesListResponse]{
		Service: "perfmon", Noun: "rules", Verb: "list",
		Doc: "Returns every rule in the order of their ids, and how the replica that answers applies it.",
	}
	AlertsList = Method[AlertsListRequest, AlertsListResponse]{
		Service: "perfmon", Noun: "alerts", Verb: "list",
		Doc: "Returns the alerts that meet every given condition, in the order of their ids, a page at a time. Those that have ended are there for a day.",
	}
	AlertsGet = Method[GetRequest, Alert]{
		Service: "perfmon", Noun: "alerts", Verb: "get",
		Doc: "Returns an alert, or not_found (alert_not_found).",
	}
	AlertsAck = Method[AlertChangeRequest, Alert]{
		Service: "perfmon", Noun: "alerts", Verb: "ack", Write: true,
		Doc: "Takes note of an alert that stands, in the name of who asks, until its next episode. Refused with alert_not_found, alert_not_active.",
	}
	AlertsClear = Method[AlertChangeRequest, Alert]{
		Service: "perfmon", Noun: "alerts", Verb: "clear", Write: true,
		Doc: "Ends an alert by hand, as one about a source that is gone for good. If its condition holds still, it is raised again. Refused with alert_not_found, alert_not_active.",
	}
	AlertsUndelivered = Method[UndeliveredRequest, UndeliveredResponse]{
		Service: "perfmon", Noun: "alerts", Verb: "undelivered",
		Doc: "Returns the events that could not be delivered to a route and were given up, the newest first.",
	}
	HealthGet = Method[HealthRequest, Health]{
		Service: "perfmon", Noun: "health", Verb: "get",
		Doc: "Asks NATS, the services, the registry and what was measured how the namespace does. What does not answer is said to be unknown.",
	}
)

var alertMethods = []Descriptor{
	AlertRulesAdd.Describe(), AlertRulesSet.Describe(), AlertRulesRemove.Describe(), AlertRulesGet.Describe(), AlertRulesList.Describe(),
	AlertsList.Describe(), AlertsGet.Describe(), AlertsAck.Describe(), AlertsClear.Describe(), AlertsUndelivered.Describe(), HealthGet.Describe(),
}
