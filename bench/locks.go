package bench

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/lock"
)

// lockMeasurements are those of the suite "locks", in this order.
var lockMeasurements = []measurement{
	{"ratio", "fenced lock and unlock, against two raw writes", `Pairs of lock and unlock per second, each caller with a lock of its own, through the Store that the services use, by pairs of
compare-and-set writes of the same sizes through Update of the KV client of nats.go, to a bucket of the same settings.
lock_ratio_1 is for one caller, lock_ratio_64 for 64 at once. Raw writes with three copies that fail innocently are sent again.`, measureLocks},
	{"handover", "one lock that 64 want", `From the call that releases the lock until the next holder is told, while all the others wait or join the queue again, through
two Stores on connections of their own. The tokens of the holders must grow, or the measurement fails.`, measureHandover},
	{"barrier", "a barrier of 200 opens", `From the sending of the last arrival until all 200 parties have heard, by requests to a service in this process.`, measureBarrier},
	{"sync", "locks, with every write on the disk", `_sync: on a server that writes to the disk before it acknowledges.`, measureLocksSync},
	{"r3", "locks, with three copies", `_r3: on three servers in one process, each write in three copies.`, measureLocksCluster},
}

// LockNames lists the measurements of Locks with what they are about, and how their figures are to be read.
func LockNames() [][3]string {
	var names [][3]string
	for _, m := range lockMeasurements {
		names = append(names, [3]string{m.name, m.doc, m.help})
	}
	return names
}

// Locks measures locks against what they are made of.
func Locks(ctx context.Context, cfg Config) (*Report, error) {
	return take(ctx, "locks", cfg, lockMeasurements)
}

// lockPlace is a server, or several, to measure locks on.
type lockPlace struct {
	url      string
	replicas int
	suffix   string // of the figures
}

func measureLocks(ctx context.Context, r *run) error {
	return r.lockRatios(ctx, lockPlace{r.cfg.URL, 1, ""})
}

func measureHandover(ctx context.Context, r *run) error {
	return r.lockHandover(ctx, lockPlace{r.cfg.URL, 1, ""})
}

func measureLocksSync(ctx context.Context, r *run) error {
	return r.locksAt(ctx, lockPlace{r.cfg.SyncURL, 1, "_sync"})
}

func measureLocksCluster(ctx context.Context, r *run) error {
	return r.locksAt(ctx, lockPlace{r.cfg.ClusterURL, 3, "_r3"})
}

func (r *run) locksAt(ctx context.Context, at lockPlace) error {
	if at.url == "" {
		r.note("The figures that end in " + at.suffix + " are left out: there is no server for them.")
		return nil
	}
	if err := r.lockRatios(ctx, at); err != nil {
		return err
	}
	return r.lockHandover(ctx, at)
}

// lockEnd is a connection with a store of locks and a lease, as a process has them.
type lockEnd struct {
	js    jetstream.JetStream
	store *lock.Store
	own   *lease.Lease
}

// lockEnd opens one; the caller must close it.
func (r *run) lockEnd(ctx context.Context, at lockPlace) (*lockEnd, func(), error) {
	var cleanups []func()
	undo := func() {
		for _, f := range slices.Backward(cleanups) {
			f()
		}
	}
	nc, err := nats.Connect(at.url, nats.Name("mabus bench locks"))
	if err != nil {
		return nil, nil, fmt.Errorf("connect: %w", err)
	}
	cleanups = append(cleanups, nc.Close)
	e := &lockEnd{}
	if e.js, err = jetstream.New(nc); err == nil {
		err = e.open(ctx, nc, at, &cleanups)
	}
	if err != nil {
		undo()
		return nil, nil, err
	}
	return e, undo, nil
}

func (e *lockEnd) open(ctx context.Context, nc *nats.Conn, at lockPlace, cleanups *[]func()) error {
	leases, err := lease.Open(ctx, e.js, namespace, at.replicas, lease.Timing{})
	if err != nil {
		return err
	}
	if e.own, err = lease.Acquire(ctx, leases, nuid.Next(), lease.Options{}); err != nil {
		return err
	}
	*cleanups = append(*cleanups, func() { _ = e.own.Release(context.WithoutCancel(ctx)) }) // the server goes soon after
	if e.store, err = lock.Open(ctx, e.js, namespace, at.replicas, lock.Options{Leases: leases}); err != nil {
		return err
	}
	*cleanups = append(*cleanups, e.store.Close)
	return nil
}
