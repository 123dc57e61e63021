package perfmon

import (
	"context"
	"sync"
	"time"

	"github.com/mabus-project/mabus/services/perfmon/gather"
	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/services/perfmon/view"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	// soon is how long a batch gathers in which somebody waits for an answer.
	soon = 20 * time.Millisecond
	// maxWaiting is how many may wait for the same batch.
	maxWaiting = 64 << 10
)

// intake takes what is measured, and writes it to the log, a batch at a time.
type intake struct {
	s *Service

	mu       sync.Mutex
	gatherer *gather.Gatherer
	waiting  []waiter // for the batch that is gathered
	closed   bool

	hurry chan struct{} // has a token when somebody waits
	last  chan struct{} // is closed when nothing more comes
	done  chan struct{} // is closed when the last batch is in the log, or given up
	// What the goroutine of run remembers.
	number  uint64    // of the last batch
	wrote   time.Time // when that was
	server  *rpc.Server
	dropped uint64 // requests of the server that have been told of
}

// waiter is somebody who wants to know that something is in the log.
type waiter struct {
	reply  string
	answer any
}

func (in *intake) open(s *Service) {
	in.s, in.gatherer = s, s.newGatherer()
	in.hurry, in.last, in.done = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
}

// addDelta takes deltas.add.
func (in *intake) addDelta(r rpc.Arrived) error {
	var d api.DeltaAddRequest
	if err := codec.Decode(r.Body, &d); err != nil {
		in.s.count.refused.Add(1)
		return err
	}
	if err := d.Validate(); err != nil {
		in.s.count.refused.Add(1)
		return err
	}
	if in.private() && !api.OwnSource(r.Principal, d.Source) {
		in.s.count.refused.Add(1)
		return api.Errorf(api.PermissionDenied, "the source %s is not that of %s: name it as %s", d.Source, r.Principal, api.SourceOf(r.Principal, "NAME")).
			WithReason(api.ReasonNotSelf).WithFields("source")
	}
	if in.s.log.seenDelta(&journal.Delta{Source: d.Source, Incarnation: d.Incarnation, Seq: d.Seq}) {
		in.reply(waiter{r.Reply, api.Empty{}})
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if err := in.stopping(r.Reply); err != nil {
		return err
	}
	if _, err := in.gatherer.AddDelta(&d); err != nil {
		in.s.count.refused.Add(1)
		return err
	}
	return in.wait(r.Reply, api.Empty{})
}

// addRecords takes metrics.record.
func (in *intake) addRecords(r rpc.Arrived) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if err := in.stopping(r.Reply); err != nil {
		return err
	}
	var n int
	var err error
	if in.private() {
		n, err = in.addOwnRecords(r)
	} else {
		n, err = in.gatherer.AddRecordBody(r.Body)
	}
	if err != nil {
		in.s.count.refused.Add(1)
		return err
	}
	if r.Reply == "" {
		return nil
	}
	return in.wait(r.Reply, api.RecordResponse{Recorded: n})
}

// private tells whether the principals of the namespace have credentials that keep them apart.
func (in *intake) private() bool { return in.s.conn.Kind() != "" }

// addOwnRecords takes records of series that the principal may record.
func (in *intake) addOwnRecords(a rpc.Arrived) (samples int, err error) {
	var r api.RecordRequest
	if err := codec.Decode(a.Body, &r); err != nil {
		return 0, err
	}
	if err := r.Validate(); err != nil {
		return 0, err
	}
	for _, one := range append(r.Records, r.MetricRecord) {
		if s := one.Series(); !api.OwnSeries(a.Principal, s) {
			return 0, api.Errorf(api.PermissionDenied, "samples of the %s %.64q are not for %s to record", s.Kind, s.ID, a.Principal).WithReason(api.ReasonNotSelf).WithFields("kind", "id")
		}
	}
	return in.gatherer.AddRecords(&r)
}

// stopping refuses what somebody waits for once there may be no further batch: it is not counted, so that it can be asked again elsewhere.
func (in *intake) stopping(reply string) error {
	if in.closed && reply != "" {
		return api.Errorf(api.Unavailable, "this replica is stopping: ask again").WithReason(api.ReasonDraining)
	}
	return nil
}

// wait lets somebody hear when what is gathered now is in the log.
func (in *intake) wait(reply string, answer any) error {
	switch {
	case reply == "":
		return nil
	case len(in.waiting) >= maxWaiting:
		return api.Errorf(api.Overloaded, "%d requests wait for the log already; it may have been taken all the same", maxWaiting).MaybeExecuted()
	}
	in.waiting = append(in.waiting, waiter{reply, answer})
	select {
	case in.hurry <- struct{}{}:
	default:
	}
	return nil
}

func (in *intake) reply(w waiter) {
	body, err := codec.Marshal(w.answer)
	if err == nil {
		err = in.s.conn.Reply(in.s.ctx, w.reply, body)
	}
	if err != nil { // the connection is gone, and with it the caller
		in.s.cfg.Log.Debug().Err(err).Msg("answer not sent")
	}
}

// run writes batches until the intake is closed, and then the last one.
func (in *intake) run(ctx context.Context) {
	defer close(in.done)
	tick := time.NewTicker(in.s.interval())
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-in.s.tuned:
			tick.Reset(in.s.interval())
			continue
		case <-in.hurry:
			await.Pause(ctx, soon)
		case <-in.last:
			in.write(ctx, journal.FlagLast)
			return
		case <-ctx.Done():
			return
		}
		in.write(ctx, 0)
	}
}

// write appends what was gathered to the log, if there is anything or something has to be said, and tells those who wait.
func (in *intake) write(ctx context.Context, flags byte) {
	in.mu.Lock()
	if flags == 0 && in.gatherer.Empty() && time.Since(in.wrote) < view.Beat-in.s.interval()/2 {
		in.mu.Unlock()
		return
	}
	in.number++
	parts := in.gatherer.Take(journal.Head{Flags: flags, Number: in.number, Overrun: in.overrun()})
	waiting := in.waiting
	in.waiting = nil
	in.mu.Unlock()
	in.wrote = time.Now()
	subject := in.s.logPrefix() + in.s.id
	for _, part := range parts {
		err := retry(ctx, func(ctx context.Context) error {
			_, err := in.s.conn.JS.Publish(ctx, subject, part)
			return err
		})
		in.s.count.logged.Add(uint64(len(part)))
		if err != nil { // sources see it by the numbers of their deltas
			in.s.count.unwritten.Add(1)
			in.s.cfg.Log.Error().Err(err).Msg("a batch of what was measured is lost")
			return // and whoever waits hears nothing, as nobody knows what became of it
		}
	}
	for _, w := range waiting {
		in.reply(w)
	}
}

// overrun returns how many messages have not been taken since it was asked for the last time.
func (in *intake) overrun() uint64 {
	srv := in.s.server.Load()
	if srv == nil {
		return 0
	}
	if srv != in.server {
		in.server, in.dropped = srv, 0
	}
	before := in.dropped
	in.dropped = max(srv.Dropped(), before)
	return in.dropped - before
}

// close writes what is left until ctx ends. Nothing comes any more.
func (in *intake) close(ctx context.Context) {
	in.mu.Lock()
	in.closed = true
	in.mu.Unlock()
	close(in.last)
	select {
	case <-in.done:
	case <-ctx.Done():
	}
}
