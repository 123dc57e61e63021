package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/lease/rules"
)

// Timing holds the durations of leases. All processes of a namespace must agree on them.
type Timing struct {
	// Renew is how often a holder renews; 2s unless given.
	Renew time.Duration
	// Hold is for how long a holder may act after the send time of its last successful renewal; 12s unless given.
	Hold time.Duration
	// Challenge is for how long a watcher must have seen a lease unchanged before it declares it dead; 15s unless given.
	// It must be longer than Hold, by more than clocks differ.
	Challenge time.Duration
	// Keep is for how long a dead lease stays on record while there is room; 24h unless given.
	Keep time.Duration
}

func (t Timing) or(d Timing) Timing {
	or := func(v, d time.Duration) time.Duration {
		if v <= 0 {
			return d
		}
		return v
	}
	return Timing{or(t.Renew, d.Renew), or(t.Hold, d.Hold), or(t.Challenge, d.Challenge), or(t.Keep, d.Keep)}
}

func (t Timing) rules() rules.Timing {
	return rules.Timing{Renew: t.Renew, Hold: t.Hold, Challenge: t.Challenge}
}

const (
	live = "live"
	dead = "dead"

	maxBytes = 64 << 20
)

// record is the value of a lease's key.
type record struct {
	// Holder is a nonce by which a holder knows its own writes: that of the process which renews by itself, or that of the
	// request which acquired the lease.
	Holder string `json:"holder,omitempty"`
	// Before is the token that this renewal was made with. Only the holder had it, so whoever shows it again is the holder,
	// and has not got the answer.
	Before string `json:"before,omitempty"`
	State  string `json:"state"`
	// Principal asked for the lease by a request, and alone may renew it by one.
	Principal string `json:"principal,omitempty"`
}

// by tells whether a principal may renew or release the lease by a request. A process that renews by itself leaves a nonce and no
// principal, and nobody may do it in its place.
func (r *record) by(principal string) bool {
	return r.Principal == principal || r.Principal == "" && r.Holder == ""
}

// Store is the bucket of leases of a namespace.
type Store struct {
	bucket *kv.Bucket
	timing Timing
}

// Open opens the bucket of leases, and keeps trying until ctx ends while JetStream is not ready.
func Open(ctx context.Context, js jetstream.JetStream, namespace string, replicas int, timing Timing) (*Store, error) {
	d, err := defaults()
	if err != nil {
		return nil, err
	}
	timing = timing.or(d)
	if err := timing.rules().Check(); err != nil {
		return nil, fmt.Errorf("leases: %w", err)
	}
	b, err := kv.Open(ctx, js, kv.Config{Namespace: namespace, Name: "leases", Replicas: replicas, History: 1, MaxBytes: maxBytes})
	if err != nil {
		return nil, err
	}
	return &Store{bucket: b, timing: timing}, nil
}

// Timing returns the store's durations.
func (s *Store) Timing() Timing { return s.timing }

// Bucket returns the store's bucket.
func (s *Store) Bucket() *kv.Bucket { return s.bucket }

// State returns the state of a lease as the store's leader has it.
func (s *Store) State(ctx context.Context, id string) (State, error) {
	e, err := s.bucket.Get(ctx, id)
	if err != nil || !e.Exists() {
		return Unknown, err
	}
	var r record
	if codec.Read(e.Value, &r) != nil {
		return Dead, nil // nobody's lease
	}
	return state(&r), nil
}

// AcquireOnce takes the lease of id for a caller that renews by itself, and returns the token of its first renewal.
// An id that lives, or has lived, is conflict (already_registered): an incarnation is used once. Nonce, if not empty, makes
// it safe to repeat: until the lease is renewed, the same nonce gets the same token again.
func (s *Store) AcquireOnce(ctx context.Context, id, nonce string) (token string, err error) {
	return s.AcquireFor(ctx, id, nonce, "")
}

// AcquireFor is AcquireOnce for a principal: RenewFor and ReleaseFor refuse others.
func (s *Store) AcquireFor(ctx context.Context, id, nonce, principal string) (token string, err error) {
	rev, err := s.create(ctx, id, nonce, principal)
	if api.CodeOf(err) == api.Conflict && nonce != "" {
		if r, have, gerr := s.get(ctx, id); gerr == nil && r.Holder == nonce && r.Principal == principal && r.Before == "" && r.State == live {
			rev, err = have, nil
		}
	}
	if err != nil {
		return "", err
	}
	return s.bucket.Token(rev), nil
}

// Renew renews a lease and returns the token of the next renewal. The newest token but one is taken for a repetition, and
// gets the newest; any other token, and a dead lease, is fenced (lease_lost).
func (s *Store) Renew(ctx context.Context, id, token string) (string, error) {
	rev, err := s.write(ctx, id, token, record{State: live})
	if err != nil {
		return "", err
	}
	return s.bucket.Token(rev), nil
}

// RenewFor is Renew for a principal: the lease of another, or of a process that renews by itself, is permission_denied (not_self). Tokens
// can be guessed, so where principals do not trust one another it takes more than a token.
func (s *Store) RenewFor(ctx context.Context, id, token, principal string) (string, error) {
	if err := s.mayWrite(ctx, id, principal); err != nil {
		return "", err
	}
	rev, err := s.write(ctx, id, token, record{State: live, Principal: principal})
	if err != nil {
		return "", err
	}
	return s.bucket.Token(rev), nil
}

// ReleaseFor is ReleaseOnce for a principal; see RenewFor.
func (s *Store) ReleaseFor(ctx context.Context, id, token, principal string) error {
	if err := s.mayWrite(ctx, id, principal); err != nil {
		return err
	}
	_, err := s.write(ctx, id, token, record{State: dead, Principal: principal})
	return err
}

// mayWrite refuses who did not ask for the lease. An id stands for one lease for ever, so that what is read here is still so when it is
// written.
func (s *Store) mayWrite(ctx context.Context, id, principal string) error {
	if err := api.CheckID("id", id); err != nil {
		return err
	}
	r, rev, err := s.get(ctx, id)
	switch {
	case err != nil:
		return err
	case rev == 0:
		return lost(id)
	case !r.by(principal):
		return api.Errorf(api.PermissionDenied, "lease %s is not that of %s", id, principal).WithReason(api.ReasonNotSelf)
	}
	return nil
}

// ReleaseOnce declares a lease dead at its holder's wish. It is fenced (lease_lost) like Renew.
func (s *Store) ReleaseOnce(ctx context.Context, id, token string) error {
	_, err := s.write(ctx, id, token, record{State: dead})
	return err
}

func (s *Store) create(ctx context.Context, id, holder, principal string) (uint64, error) {
	if err := api.CheckID("id", id); err != nil {
		return 0, err
	}
	rev, err := s.put(ctx, id, record{Holder: holder, State: live, Principal: principal}, 0)
	if errors.Is(err, kv.ErrLost) {
		return 0, api.Errorf(api.Conflict, "lease %s is held, or was: take a fresh id", id).WithReason(api.ReasonAlreadyRegistered)
	}
	return rev, err
}

func (s *Store) write(ctx context.Context, id, token string, next record) (uint64, error) {
	if err := api.CheckID("id", id); err != nil {
		return 0, err
	}
	rev, err := s.bucket.ParseToken(token)
	if api.ReasonOf(err) == api.ReasonForeignRevision {
		return 0, lost(id)
	}
	if err != nil {
		return 0, err
	}
	// A revision stands for one message of one key and the tokens of dead leases are given to nobody, so the comparison
	// alone proves that the lease lives and that the caller renewed it last.
	next.Before = token
	rev, err = s.put(ctx, id, next, rev)
	if !errors.Is(err, kv.ErrLost) {
		return rev, err
	}
	r, rev, err := s.get(ctx, id)
	if err != nil {
		return 0, err
	}
	if r.Before != token || r.State != next.State {
		return 0, lost(id)
	}
	return rev, nil
}

func (s *Store) put(ctx context.Context, id string, r record, expect uint64) (uint64, error) {
	data, err := codec.Marshal(r)
	if err != nil {
		return 0, fmt.Errorf("lease %s: %w", id, err)
	}
	return s.bucket.Write(ctx, kv.Write{Key: id, Value: data, Expect: expect})
}

// get reads a lease from the leader; its zero record and revision 0 mean that there is none.
func (s *Store) get(ctx context.Context, id string) (r record, rev uint64, err error) {
	e, err := s.bucket.Get(ctx, id)
	if err != nil || !e.Exists() {
		return r, e.Revision, err
	}
	if err := codec.Read(e.Value, &r); err != nil {
		return record{}, e.Revision, nil // nobody's lease
	}
	return r, e.Revision, nil
}
