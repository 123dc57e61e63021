package bench

import "context"

// Sizes of what PerfMon measures, unless the caller says otherwise.
const (
	DefaultSources = 1_000
	DefaultEvents  = 1_000_000
	ingestSeries   = 50 // of each source
)

// PerfSize says how large things are that PerfMon measures.
type PerfSize struct {
	// Sources that send a delta of 50 series each second; DefaultSources unless given.
	Sources int
	// Events in the store when chains are asked for; DefaultEvents unless given.
	Events int
}

func perfMeasurements(size PerfSize) []measurement {
	ingest := func(ctx context.Context, r *run) error { return measureIngest(ctx, r, size.Sources) }
	chains := func(ctx context.Context, r *run) error { return measureChains(ctx, r, size.Events) }
	return []measurement{
		{"sample", "a sample is recorded", `sample_ns is the time that a sample takes each of four goroutines that record at once, all into one series, while deltas are sent each
second; sample_own_ns is for a series each. sample_cpu_ns is the time on the processors that a sample of one series takes: the same, unless
others use the machine. sample_allocs is how often one asks for memory.`, measureSample},
		{"ingest", "a fleet of sources, and what two replicas know of it", `So many sources (--sources) send a delta of 50 series with 20 samples each, every second, spread over the second, for five turns. Two
replicas, each a process, take them. ingest_cores is the time of processors that both processes have had together, over the last four
turns, for one second; that of the NATS server and of the senders is not in it. ingest_deltas_per_s is what was really sent, and
ingest_lost the part of all samples that the fleet's figures lack when all has come.
freshness_ms is the greatest time, of some tens of deltas at random moments, from its sending until the fleet's percentiles have it, in three
answers in a row of whichever replica; freshness_p50_ms is their median. What a delta tells is itself up to a second old when it is sent.
freshness_told_ms is the greatest age that the answers have told of themselves.
quantile_error is the greatest relative error of the fleet's 50th, 90th, 99th and 99.9th percentiles of all 50 metrics, against the exact order
statistics of all samples that were sent.`, ingest},
		{"records", "single records by plain NATS clients", `Records per second that are in the fleet's figures, of 16 plain NATS clients that each publish one record in a message, without an
answer; every 3000th wants one and is waited for, so that no more are under way than replicas keep. raw_records_per_s is for one replica,
a process; raw_records_per_s_2 for two together, in turns with it; raw_growth compares them. raw_cores_1 and raw_cores_2 are the processors that
these processes keep busy meanwhile, raw_records_per_core and raw_records_per_core_2 the records for each of them, and raw_lost the part of all
records that is missing. Clients and the NATS server share the machine with the replicas: where these are not busy, those are what limits the
rate, and more replicas do not raise it.`, measureRecords},
		{"append", "events appended, against bare JetStream", `event_append_ratio compares events per second that the SDK's Appender appends with messages per second that JetStream's PublishMsgAsync
does, to a stream of the same settings, of as many bytes, both with 4096 on their way at most, from one goroutine. A replica, a process,
reads the events meanwhile, and the Appender's time goes on until they can be read; nobody reads the others. event_append_read_ratio compares it
with PublishMsgAsync of events that are ready to the stream that the replica reads, and event_append_added_cpu is the time on the processors that
this process needs more for each event than for that.`, measureAppend},
		{"chains", "the events of a correlation, among many", `correlation_1m_ms is the median time of a request for all events of a correlation as a tree, one after the other by one caller, at random, in
a store of so many events (--events) in chains of 20; correlation_1m_p99_ms is the 99th percentile. events_fill_per_s is how fast they were
appended and could be read.`, chains},
	}
}

// PerfMonNames lists the measurements of PerfMon with what they are about, and how their figures are to be read.
func PerfMonNames() [][3]string {
	var names [][3]string
	for _, m := range perfMeasurements(PerfSize{}) {
		names = append(names, [3]string{m.name, m.doc, m.help})
	}
	return names
}

// PerfMon measures what measuring costs, and the store of events against bare JetStream. It needs Config.Worker.
func PerfMon(ctx context.Context, cfg Config, size PerfSize) (*Report, error) {
	if size.Sources <= 0 {
		size.Sources = DefaultSources
	}
	if size.Events <= 0 {
		size.Events = DefaultEvents
	}
	return take(ctx, "perfmon", cfg, perfMeasurements(size))
}
