// Package perfmon is the service that knows how agents, hosts, services and callers do: what they have measured by themselves and what
// anybody else has recorded, merged without losing its percentiles, for each of them, their types, their hosts and the fleet. It also serves
// the event store (package events), applies the rules that raise alerts (package alerts), and tells how the namespace does (package health).
//
// # What it owns
//
// Subjects: <ns>.perfmon.{deltas,metrics,health}.<verb>, in the methods of shared/api. Nobody but the service has to write to those of its streams, and
// whoever can may have it tell anything.
//
// Streams:
//   - <ns>_perf, subjects <ns>.perf.<replica>, one hour and at most Config.LogBytes (1 GiB), whichever is less: the log, in the form that package
//     journal documents. A fleet of 50,000 series with samples each second writes some 5 MB a second, so that the log has the last three
//     or four minutes of it; one of 1,000 series, the hour.
//   - <ns>_perf_minutes, subjects <ns>.perf_minutes.<Unix minute>, 24 hours and at most Config.MinuteBytes (256 MiB)
//
// # How it works
//
// A source (package shared/meter, or any NATS client) sends each second what it has measured as sketches: a delta, which it numbers. Any
// replica takes it, by queue group, and single records of anybody as well. A replica gathers for Config.Interval (250 ms), makes aggregates of what
// it has gathered, and appends all of it to the log as one batch. Every replica reads the log in its order into a view of its own in memory, so
// that any replica answers any question, and all of them say the same of the same time. What is asked for is merged from blocks of
// a second or a minute when it is asked for; nothing is averaged from averages.
//
// Deltas and records are taken where they arrive, without a worker, context, deadline or trace of their own (rpc.HandleDirect): that is what
// lets one replica take some 500,000 records a second from a core. Validation and answers are those of all methods. A record or delta that
// wants an answer gets it when it is in the log, and its batch is written within 20 ms; one that wants none waits for the interval.
// metrics.record has no idempotency: what is sent twice counts twice, with a request id or without. Deltas have their numbers instead.
//
// # Bounds
//
//   - The view: Config.ViewBytes (256 MiB) of sketches, half of it for the seconds of sources, a quarter for their minutes, an eighth each
//     for those of aggregates. The oldest go first, and every answer says since when there is something. Seconds go after an hour, minutes after a
//     day. What the last ten seconds have brought is kept beyond the bound until it is in a minute.
//   - Config.MaxSeries (200,000) series have a place, aggregates included, at some 500 bytes of names each. A further one is refused as overloaded
//     (too_many_series) unless another one has said nothing for an hour. 100,000 sources are followed.
//   - A batch that is gathered: as many series beside those that have a place, 100,000 deltas, 16 MiB of their sketches (a further delta is
//     refused as overloaded), and 65,536 requests that wait for it.
//   - Messages that have come and are not taken: 65,536 and 256 MiB for each subject; beyond that NATS drops them, which is logged, and
//     counted in every answer (lost_messages).
//   - A question looks for at most 5,000,000 sketches (query_too_large), some half a second of work; those that look for more than 100,000 share half
//     of the processors.
//
// # Invariants
//
//   - A percentile is within 1 % of the sample that it stands for, whatever was merged to have it (see shared/sketch).
//   - What is refused has changed nothing: a delta or a request with one bad part counts in no part.
//   - A delta counts once: its number is looked for in the view, and in what this replica has gathered lately. One that is repeated to another
//     replica before that has read the first counts twice; sources do not repeat.
//   - A batch counts once, however often it was appended: it has a number. Its parts count together or not at all.
//   - What is missing is said: deltas by the gaps in their numbers, 2 s after a later one has come (one that comes after all counts, and is lost
//     no more), records by the death of a replica without a last word, messages by what NATS says of a subscription that is overrun. Nothing is
//     filled in.
//   - Figures are those of who has reported: who has not is left out, never taken for zero.
//
// # When a replica dies
//
//   - While it gathers: what it had gathered is lost, at most one interval, and what its connection had not delivered. The deltas in it are missed by
//     their numbers (lost_intervals). Records have none: the others notice after 15 s that the replica has ended without a last word (lost_replicas).
//     Who waits for an answer gets none, and may repeat a delta, but not a record.
//   - While it appends: the batch is in the log or it is not. If some of its parts are, none of them counts.
//   - While it writes a minute: the message that completes it is the last. Another replica has the same minute and writes it, or its own
//     at the next one.
//   - While it answers: the caller asks another, which has read the same log.
//
// A replica that starts recalls the minutes, reads the log, and joins the queue group when it has caught up. It leaves when it is 5 s behind. One
// that stops in good order leaves the group, writes what it has gathered and says its last word, so that nothing is lost.
//
// When the store is away, replicas gather on: nothing is lost but the seconds, which become one. When all replicas are away, what sources
// send is lost and missed by its numbers as soon as somebody reads on.
//
// # The reference's operations
//
// PerformanceMonitor:
//   - record_metrics(agent, map): metrics.record with one record for each metric; cpu_usage is cpu_share or cpu_cores, memory_usage memory_bytes,
//     task_completion_time latency_seconds; throughput and error_rate are not recorded but follow from latency_seconds and errors.
//   - start_monitoring, stop_monitoring, monitoring?: nothing to do. Hosts, services and callers measure by themselves, and the flags of the
//     reference had no effect on that.
//   - get_monitoring_status: metrics.sources, and metrics.stats (sources).
//   - get_agent_metrics(agent): metrics.current with the agent's id; an unknown one has an empty list, and series_not_found where one series is asked for.
//   - get_metrics_history(agent, limit 50): metrics.history, newest first, 50 unless given.
//   - get_performance_statistics: metrics.stats: averages, minima and maxima over those that have reported.
//   - export_metrics(json, csv, map): metrics.export in json, csv, prometheus, openmetrics; else unsupported_format. A map is what metrics.window returns.
//   - clear_metrics was there for tests; old data goes by itself.
//   - set_alert_thresholds: rules.set for each threshold. The reference replaced all of them, so that one that was left out was off, or could
//     not be met again; here each rule stands by itself.
//   - get_active_alerts: alerts.list with status active. An alert is raised once for an episode.
//
// Telemetry:
//   - record_agent_metric, record_coordination_metric, record_system_metric: metrics.record with kind agent, service or host, or custom.
//   - get_agent_metrics(agent, window): metrics.window, which does regard the window. get_coordination_metrics(protocol): the same with kind service, or
//     whatever it was recorded as. get_system_metrics: with scope fleet.
//   - query_metrics(query): metrics.window and metrics.top, whose selectors do select.
//   - get_agent_analytics, get_coordination_analytics: metrics.window (count, mean, extremes, percentiles, error_share) and metrics.percentiles.
//   - get_system_analytics: metrics.stats (held).
//   - system_health: health.get, of which no figure is a constant. It asks $SRV.PING, the registry and the streams of the namespace, for 1.5 s at
//     most, and who does not answer is unknown.
//   - alert configurations (add, list, remove): rules.add, rules.list, rules.remove. Rules are applied; one that is there already is rule_exists, and
//     one that is not is rule_not_found. There is no action: events tell of every alert, and a route sends them on.
//   - get_metrics, emit_counter, emit_gauge, emit_histogram of the core: metrics.record; a counter is the count or sum of its samples, a
//     gauge the last 5 seconds of them, a histogram their percentiles.
package perfmon
