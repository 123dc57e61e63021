package bench

import "context"

// DefaultPast is how many sessions have ended when growth is measured, unless the caller says otherwise.
const DefaultPast = 100_000

// coordinationMeasurements are those of the suite "coordination", in this order; growth has so many sessions end.
func coordinationMeasurements(past int) []measurement {
	growth := func(ctx context.Context, r *run) error { return measureGrowth(ctx, r, past) }
	return []measurement{
		{"replog", "commands of a replicated log, against request and reply", `Commands per second that add one to a counter, from a NATS request to its answer: a plain queue subscription hands the request to
a pool, which appends its 128 bytes to the log as a command, waits until its replica has applied it, and answers the number. The command
costs as little as one can, so that this is the log itself. replog_ratio_64 and replog_ratio_512 compare that, for so many callers, with
a plain subscriber that sends the same bytes back. replog_p50_ratio_1 compares the median of one caller's command with that of one
synchronous publish of the same bytes to a stream; replog_echo_p50_1 and replog_direct_p50_1 are its parts, a request that is sent back
and a command without a request, and replog_direct_ratio_1 compares the latter alone with the publish. replog_service_ratio_64 and
replog_service_p50_1 are those of a service's method in front of the same log: its request, command and answer are JSON, and its machine
reads and writes JSON. replog_batch is how many commands share an entry of the log. All callers use plain requests, and the sum is checked.`, measureReplog},
		{"two", "the same, with two replicas", `_two: two replicas of the log on connections of their own, in one queue group, as are the two subscribers beside them.`, measureReplogTwo},
		{"always", "the same, with every write on the disk", `_always: on a server that writes to the disk before it acknowledges. replog_always_x_kv_64 compares it with 64 callers who put
values of the same size into a bucket, each to a key of its own, on that server.`, measureReplogAlways},
		{"r3", "the same, with three copies", `_r3: on three servers in one process, with the log in three copies.`, measureReplogCluster},
		{"majority", "sessions of five agents that vote", `Sessions of type consensus by majority among five agents on one host, which vote yes at once, from the request that starts one to
its result. Registry, coordination and agent host are in this process, on one connection. majority5_p50_ms is for one caller,
majority5_per_s_64 for 64 at once. Rounds of questions have 1 s, not the 30 s that they have unless a caller says so: a host remembers
questions for some seconds after their answers, but not after their time, and no more than a bounded number of them.`, measureMajority},
		{"growth", "starting a session when many have ended", `The median of the request that starts such a session, without a wait; the caller starts the next when it has ended. First on a new
log, then when so many more have ended (--past), on the same replica and server; session_start_growth is the second to the median of the
first. The past is filled with sessions that have no members: they complete as they start. It is over when all are in the archive.`, growth},
		{"byzantine", "sessions of four agents that trust nobody", `Sessions of type byzantine_consensus among four agents on one host, which take the proposal for valid at once, from the request
that starts one to its certificate, by one caller, who waits 10 ms before the next: a host stays for 1 s with each that is decided, for
members that have missed it, and with no more than 4,096 at a time.`, measureByzantine},
	}
}

// CoordinationNames lists the measurements of Coordination with what they are about, and how their figures are to be read.
func CoordinationNames() [][3]string {
	var names [][3]string
	for _, m := range coordinationMeasurements(DefaultPast) {
		names = append(names, [3]string{m.name, m.doc, m.help})
	}
	return names
}

// Coordination measures the replicated log, and the sessions that the coordination service keeps on it. past is how many sessions
// have ended when growth is measured, DefaultPast unless given.
func Coordination(ctx context.Context, cfg Config, past int) (*Report, error) {
	if past <= 0 {
		past = DefaultPast
	}
	return take(ctx, "coordination", cfg, coordinationMeasurements(past))
}

func measureReplog(ctx context.Context, r *run) error {
	return r.measureLog(ctx, logPlace{url: r.cfg.URL, copies: 1, replicas: 1}, func(h *logHouse) error {
		if err := r.logRatio(ctx, h, 64, side{"service", loop(64, h.service)}); err != nil {
			return err
		}
		if err := r.logRatio(ctx, h, 512); err != nil {
			return err
		}
		return r.logLatency(ctx, h)
	})
}

func measureReplogTwo(ctx context.Context, r *run) error {
	return r.measureLog(ctx, logPlace{r.cfg.URL, 1, 2, "_two"}, func(h *logHouse) error { return r.logRatio(ctx, h, 64) })
}

func measureReplogAlways(ctx context.Context, r *run) error {
	return r.measureLog(ctx, logPlace{r.cfg.SyncURL, 1, 1, "_always"}, func(h *logHouse) error {
		puts, err := h.puts(ctx)
		if err != nil {
			return err
		}
		return r.logRatio(ctx, h, 64, puts)
	})
}

func measureReplogCluster(ctx context.Context, r *run) error {
	return r.measureLog(ctx, logPlace{r.cfg.ClusterURL, 3, 1, "_r3"}, func(h *logHouse) error { return r.logRatio(ctx, h, 64) })
}

// measureLog opens a house for a measurement, unless there is no server for it.
func (r *run) measureLog(ctx context.Context, at logPlace, measure func(h *logHouse) error) error {
	if at.url == "" {
		r.note("The figures that end in " + at.suffix + " are left out: there is no server for them.")
		return nil
	}
	h, err := openLogHouse(ctx, at)
	if err != nil {
		return err
	}
	defer h.close()
	if err := measure(h); err != nil {
		return err
	}
	return h.check(ctx)
}
