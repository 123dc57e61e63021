package kv

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
)

// ErrLost says that another write of the key came first: read again, and decide again.
var ErrLost = errors.New("kv: another write of the key came first")

const (
	defaultHistory  = 16
	defaultMaxBytes = 256 << 20
	defaultMaxValue = 1 << 20

	// tryTimeout is how long one request to the store may take before it is sent again.
	tryTimeout = 2 * time.Second
)

// Config describes a bucket.
type Config struct {
	Namespace string
	// Name of the bucket within the namespace, for example "agents".
	Name string
	// Replicas is the number of copies in a cluster; 1 unless given.
	Replicas int
	// History is how many revisions of each key are kept, 1 to 64; 16 unless given.
	History int
	// MaxBytes bounds the bucket on disk; 256 MiB unless given. A full bucket refuses writes as overloaded.
	MaxBytes int64
	// MaxValueSize bounds one value with its headers, in bytes; 1 MiB unless given.
	MaxValueSize int32
	// TTL drops keys that were not written for that long; 0 keeps them.
	TTL time.Duration
}

// Bucket is one KV bucket. It is safe for concurrent use.
type Bucket struct {
	nc        *nats.Conn
	js        jetstream.JetStream
	namespace string
	name      string // of the bucket, with the namespace
	stream    string
	prefix    string // of the subjects of keys
	get       string // subject of reads from the leader
	created   atomic.Int64
	clock     clock
}

// Open creates the bucket, or updates it to cfg, and keeps trying until ctx ends while JetStream is not ready. A bucket that
// has another number of copies is failed_precondition: one process with another setting must not take copies away.
func Open(ctx context.Context, js jetstream.JetStream, cfg Config) (*Bucket, error) {
	b := newBucket(js, cfg.Namespace, cfg.Name)
	want := b.config(cfg)
	err := Retry(ctx, func(ctx context.Context) error {
		if err := b.checkCopies(ctx, want.Replicas); err != nil {
			return err
		}
		_, err := Ensure(ctx, js, want)
		if err == nil {
			_, err = b.refresh(ctx)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", b.name, err)
	}
	return b, nil
}

// config describes the stream of the bucket, as every client library expects it (ADR-8 of NATS).
func (b *Bucket) config(cfg Config) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: b.stream, Subjects: []string{b.prefix + ">"}, Storage: jetstream.FileStorage, Replicas: orDefault(cfg.Replicas, 1),
		MaxMsgsPerSubject: int64(min(max(orDefault(cfg.History, defaultHistory), 1), 64)), MaxAge: cfg.TTL,
		MaxBytes: orDefault(cfg.MaxBytes, defaultMaxBytes), MaxMsgSize: orDefault(cfg.MaxValueSize, defaultMaxValue),
		Discard: jetstream.DiscardNew, DenyDelete: true, AllowRollup: true, AllowDirect: true,
	}
}

func (b *Bucket) checkCopies(ctx context.Context, want int) error {
	s, err := b.js.Stream(ctx, b.stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if have := s.CachedInfo().Config.Replicas; have != want {
		return api.Errorf(api.FailedPrecondition, "bucket %s has %d copies and this process wants %d: start every process with --replicas %d, or change the streams of the namespace first",
			b.name, have, want, have)
	}
	return nil
}

// Attach returns a bucket that somebody else has made, and leaves its settings alone. It is not_found when there is none.
func Attach(ctx context.Context, js jetstream.JetStream, namespace, name string) (*Bucket, error) {
	b, missing := newBucket(js, namespace, name), false
	err := Retry(ctx, func(ctx context.Context) error {
		_, err := b.refresh(ctx)
		if missing = errors.Is(err, jetstream.ErrStreamNotFound); missing {
			return nil
		}
		return err
	})
	switch {
	case missing:
		return nil, api.Errorf(api.NotFound, "there is no bucket %s: has its service ever run in this namespace?", b.name)
	case err != nil:
		return nil, fmt.Errorf("attach to bucket %s: %w", b.name, err)
	}
	return b, nil
}

func newBucket(js jetstream.JetStream, namespace, name string) *Bucket {
	name = api.Bucket(namespace, name)
	b := &Bucket{nc: js.Conn(), js: js, namespace: namespace, name: name, stream: "KV_" + name, prefix: "$KV." + name + "."}
	b.clock.turn = make(chan struct{}, 1)
	b.get = apiPrefix(js) + "STREAM.MSG.GET." + b.stream
	return b
}

func apiPrefix(js jetstream.JetStream) string {
	o := js.Options()
	switch {
	case o.Domain != "":
		return "$JS." + o.Domain + ".API."
	case o.APIPrefix != "":
		return strings.TrimSuffix(o.APIPrefix, ".") + "."
	}
	return jetstream.DefaultAPIPrefix
}

// Name returns the bucket's full name, <namespace>_<name>.
func (b *Bucket) Name() string { return b.name }

// refresh learns which incarnation of the stream exists now.
func (b *Bucket) refresh(ctx context.Context) (*jetstream.StreamInfo, error) {
	s, err := b.js.Stream(ctx, b.stream)
	if err != nil {
		return nil, err
	}
	info := s.CachedInfo()
	b.created.Store(info.Created.UnixNano())
	return info, nil
}

// Size returns how many bytes the bucket takes, and its bound, both as the server counts them; a bound of 0 or less is none.
func (b *Bucket) Size(ctx context.Context) (bytes, bound int64, err error) {
	info, err := b.refresh(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("look up bucket %s: %w", b.name, err)
	}
	return int64(info.State.Bytes), info.Config.MaxBytes, nil
}

// Retry calls f, each time with a few seconds, until it succeeds, fails for good, or ctx ends: what is to be made in JetStream may have to wait
// for a leader.
func Retry(ctx context.Context, f func(context.Context) error) error {
	for try := 0; ; try++ {
		c, cancel := context.WithTimeout(ctx, tryTimeout)
		err := f(c)
		cancel()
		if err == nil || final(err) {
			return err
		}
		if pause(ctx, try) != nil {
			return fmt.Errorf("gave up: %w", err)
		}
	}
}

// codeNoCluster refuses replicas on a server that is not in a cluster.
const codeNoCluster = 10074

// final tells whether another try of the same request to JetStream cannot succeed.
func final(err error) bool {
	if errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, jetstream.ErrInvalidBucketName) || api.CodeOf(err) == api.FailedPrecondition {
		return true
	}
	var e *jetstream.APIError
	return errors.As(err, &e) && e.ErrorCode == codeNoCluster
}

// pause waits a little longer with each try, with jitter; it returns ctx's error if ctx ends first.
func pause(ctx context.Context, try int) error {
	most := time.Millisecond << min(try+1, 7)
	t := time.NewTimer(most/2 + rand.N(most))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func orDefault[N comparable](v, d N) N {
	var zero N
	if v == zero {
		return d
	}
	return v
}

// checkKey refuses keys that the nats tool could not show, and subjects that would reach more than one key.
func checkKey(key string) error {
	ok := key != "" && len(key) <= 512 && key[0] != '.' && key[len(key)-1] != '.' && !strings.Contains(key, "..")
	for i := 0; ok && i < len(key); i++ {
		c := key[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_=/.", c) >= 0
	}
	if !ok {
		return api.Errorf(api.Invalid, "a key is 1 to 512 characters of A-Z, a-z, 0-9, '-', '_', '=', '/' and '.'")
	}
	return nil
}
