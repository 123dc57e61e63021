// Package alerts is the part of perfmon that applies rules to what was measured, raises alerts and ends them, and sends them where the rules
// say. Package episode has the rules of that.
//
// # What it owns
//
// Subjects: <ns>.perfmon.{rules,alerts}.<verb>, in the methods of shared/api; events go to <ns>.alert.<subject of a route>.
//
// Buckets:
//   - <ns>_alert_rules, key = id of the rule, at most 16 MiB and about api.MaxAlertRules of them; and a key that says that the first rules
//     were made
//   - <ns>_alerts, key = id of the alert, at most 64 MiB and api.MaxAlerts of them, by compare-and-set only; those that have ended go after a
//     day, or earlier when there are many
//   - <ns>_alert_letters, the events that were given up, at most 16 MiB, api.MaxUndelivered of them, for a week
//
// Events: mabus.alert_rules.{added,changed,removed} and mabus.alerts.{raised,cleared,flapping,steadied,acknowledged}, in <ns>_events, where two
// durable consumers (alert_subjects, alert_webhooks) of all replicas read them for the routes.
//
// # How it works
//
// Each replica applies each rule to its own view again and again: as often as a twelfth of the rule's window, between Config.Every (1 s) and 30 s,
// and never so often that it takes more than a twentieth of a processor. What it finds is decided by pure rules, and written by
// compare-and-set to the record of the alert: of all replicas one raises. All of them look at the log by the log's own time, and nothing
// is changed on older data than the last change, so that a replica that is a moment behind does not undo what another has done. Missing data raises nothing and
// ends nothing, unless a rule asks for that (absent), or it is missing for a day.
//
// # Bounds
//
// Memory: what is breached and what stands, for each rule. While api.MaxAlerts are remembered, no other is raised (suppressed counts those). Up
// to Config.Workers (8) deliveries at once for each kind of route, 2 at once for one webhook. An event is tried for Config.GiveUp (1 h), with pauses of up to
// a minute, then kept among what was undelivered, and counted.
//
// # When a replica dies
//
//   - Before it raises: another one raises. For how long a condition has held is each replica's own knowledge, so if all of them die at once,
//     "for" begins anew.
//   - Between raising and the event: the outbox of another publishes it, with the same id.
//   - Between the event and its route: the consumer gives the event to another replica after 30 s at most, and the receiver may get it
//     twice, with the same id.
//   - When all are away, alerts stay as they are. What happened meanwhile is in what sources have kept sending, or is missing.
package alerts
