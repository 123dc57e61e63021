package kv

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Ensure creates the stream, or updates one that is not as cfg says. It tries once.
//
// It looks first, because JetStream does not do without what changes nothing: an update writes the stream's description anew, and races
// in the server with a consumer that is made meanwhile; a creation is refused where the rest of the disk is reserved for streams, though
// this one is there.
func Ensure(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	stream, err := js.Stream(ctx, cfg.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, cfg)
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return stream, err
		}
	} else if err != nil || asSaid(cfg, stream.CachedInfo().Config) {
		return stream, err
	}
	return js.UpdateStream(ctx, cfg)
}

// EnsureStream is Ensure that keeps trying until ctx ends while JetStream is not ready.
func EnsureStream(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig) (stream jetstream.Stream, err error) {
	err = Retry(ctx, func(ctx context.Context) error {
		stream, err = Ensure(ctx, js, cfg)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", cfg.Name, err)
	}
	return stream, nil
}

const defaultDuplicates = 2 * time.Minute // of the server: how long it knows message ids where nothing is said

// asSaid tells whether the server has the stream as want says it. Where want says nothing the server has put in what it does then.
func asSaid(want, have jetstream.StreamConfig) bool {
	for _, bound := range []*int64{&want.MaxMsgs, &want.MaxBytes, &want.MaxMsgsPerSubject} {
		*bound = orDefault(*bound, -1)
	}
	want.MaxConsumers, want.MaxMsgSize = orDefault(want.MaxConsumers, -1), orDefault(want.MaxMsgSize, -1)
	want.Replicas = orDefault(want.Replicas, 1)
	if want.Duplicates == 0 {
		want.Duplicates = defaultDuplicates
		if want.MaxAge > 0 {
			want.Duplicates = min(want.Duplicates, want.MaxAge)
		}
	}
	want.AllowRollup = want.AllowRollup || want.AllowMsgSchedules
	want.Metadata, have.Metadata = nil, nil // the server's, and the operator's
	return reflect.DeepEqual(want, have)
}
