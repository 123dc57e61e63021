// Package archive keeps what has ended: values, each under a subject of its own in one stream, in one message or, when it is long, in
// several. What is there is never changed: storing it again stores the same. The oldest go first when the stream is full.
package archive

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	partBytes   = 512 << 10 // of one message
	partsHeader = "Mabus-Parts"
	storeTime   = 10 * time.Second
)

// Archive is one stream of ended things.
type Archive struct {
	js     jetstream.JetStream
	stream jetstream.Stream
}

// Open creates the stream <namespace>_<name> for all subjects below prefix, if there is none, and keeps trying until ctx ends while JetStream
// is not ready. maxBytes bounds it. It is read from its leader, so that what was stored is seen.
func Open(ctx context.Context, conn *rpc.Conn, name, prefix string, replicas int, maxBytes int64) (*Archive, error) {
	cfg := jetstream.StreamConfig{
		Name: api.Bucket(conn.Namespace, name), Subjects: []string{prefix + ">"}, Storage: jetstream.FileStorage, Replicas: replicas,
		MaxMsgsPerSubject: 1, MaxBytes: maxBytes, Discard: jetstream.DiscardOld, DenyDelete: true, Compression: jetstream.S2Compression,
	}
	stream, err := kv.EnsureStream(ctx, conn.JS, cfg)
	if err != nil {
		return nil, err
	}
	return &Archive{js: conn.JS, stream: stream}, nil
}

// Batch is what is being stored.
type Batch struct {
	a      *Archive
	stored []jetstream.PubAckFuture
}

// Batch begins to store several values at once.
func (a *Archive) Batch() *Batch { return &Batch{a: a} }

// Put stores a value under a subject. Wait tells whether it is there.
func (b *Batch) Put(subject string, value any) error { return b.PutTold(subject, value, kv.Told{}) }

// PutTold is Put, of which an outbox of the archive tells.
func (b *Batch) PutTold(subject string, value any, told kv.Told) error {
	data, err := codec.Marshal(value)
	if err != nil {
		return fmt.Errorf("write %s: %w", subject, err)
	}
	parts := max((len(data)+partBytes-1)/partBytes, 1)
	for i := parts - 1; i >= 0; i-- { // the first is the last, and tells how many there are
		msg := nats.NewMsg(subject)
		if i > 0 {
			msg.Subject += "." + strconv.Itoa(i)
		} else {
			msg.Header.Set(partsHeader, strconv.Itoa(parts))
			kv.Mark(msg.Header, told)
		}
		msg.Data = data[i*partBytes : min((i+1)*partBytes, len(data))]
		f, err := b.a.js.PublishMsgAsync(msg)
		if err != nil {
			return fmt.Errorf("archive %s: %w", subject, err)
		}
		b.stored = append(b.stored, f)
	}
	return nil
}

// Wait waits until all is stored, for some seconds.
func (b *Batch) Wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	for _, f := range b.stored {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			return fmt.Errorf("archive: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("archive: %w", ctx.Err())
		}
	}
	return nil
}

// Get reads a value, and tells whether there is one: unavailable (store_unavailable) when that cannot be said now.
func (a *Archive) Get(ctx context.Context, subject string, into any) (bool, error) {
	first, err := a.stream.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unreadable(err)
	}
	return a.read(ctx, first, into)
}

// Has tells whether there is a value.
func (a *Archive) Has(ctx context.Context, subject string) (bool, error) {
	_, err := a.stream.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unreadable(err)
	}
	return true, nil
}

// read puts a value together from its first message. One of which a part is gone is as gone as all of it soon will be: the oldest messages
// go first, and of a value the first message is the last that was stored.
func (a *Archive) read(ctx context.Context, first *jetstream.RawStreamMsg, into any) (bool, error) {
	data := first.Data
	parts, _ := strconv.Atoi(first.Header.Get(partsHeader))
	for i := 1; i < parts; i++ {
		msg, err := a.stream.GetLastMsgForSubject(ctx, first.Subject+"."+strconv.Itoa(i))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return false, nil
		}
		if err != nil {
			return false, unreadable(err)
		}
		data = append(data, msg.Data...)
	}
	if err := codec.Read(data, into); err != nil {
		return false, fmt.Errorf("read %s from the archive: %w", first.Subject, err)
	}
	return true, nil
}

func unreadable(err error) error {
	return api.Errorf(api.Unavailable, "the archive cannot be read now, try again: %v", err).WithReason(api.ReasonDependencyDown)
}
