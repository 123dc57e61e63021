package kv

import (
	"context"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
)

// Told is what Mark puts into the headers of a message.
type Told struct {
	// Event names what has happened.
	Event string
	// Principal has asked for it.
	Principal string
	// Correlation is what it belongs to: a request, a job, a session.
	Correlation string
	Traceparent string
}

// Mark puts into the headers of a message what an outbox of its stream tells of it.
func Mark(h nats.Header, t Told) {
	for name, value := range map[string]string{
		headerEvent: t.Event, headerPrincipal: t.Principal, api.HeaderRequestID: t.Correlation, api.HeaderTraceparent: t.Traceparent,
	} {
		if value != "" && !strings.ContainsAny(value, "\r\n") {
			h.Set(name, value)
		}
	}
}

// StreamSource is a stream whose messages tell of what has happened.
type StreamSource struct {
	Namespace, Service string
	// Stream is its full name, and Filter the subjects that are meant.
	Stream, Filter string
	// Thing tells what a subject is about: a noun, in the plural, and an id.
	Thing func(subject string) (noun, id string)
	// Once says that there is one event of a thing, however often it is stored.
	Once bool
}

// LastToken is a StreamSource.Thing for subjects that end with the id of something that has one noun.
func LastToken(noun string) func(subject string) (string, string) {
	return func(subject string) (string, string) { return noun, subject[strings.LastIndexByte(subject, '.')+1:] }
}

// NewStreamOutbox returns the outbox of a stream that has not been started. It reads no bodies, so its events have no data: their
// subjects say what there is to read. A message is told only if Mark has marked it.
func NewStreamOutbox(js jetstream.JetStream, src StreamSource, log zerolog.Logger) *Outbox {
	o := &Outbox{
		js: js, nc: js.Conn(), namespace: src.Namespace, service: src.Service, stream: src.Stream, from: src.Stream, log: log,
		consumer: jetstream.ConsumerConfig{FilterSubject: src.Filter, HeadersOnly: true},
	}
	created := ""
	o.prepare = func(ctx context.Context) error {
		s, err := js.Stream(ctx, src.Stream)
		if err == nil {
			created = strconv.FormatInt(s.CachedInfo().Created.UnixNano(), 36)
		}
		return err
	}
	o.event = func(msg jetstream.Msg, meta *jetstream.MsgMetadata) (string, api.Event, bool) {
		noun, key := src.Thing(msg.Subject())
		id := strconv.FormatUint(meta.Sequence.Stream, 10)
		if src.Once {
			id = noun + "-" + key
		}
		e, ok := o.marked(msg, meta, noun, created+"-"+id)
		e.Subject = key
		return noun, e, ok
	}
	return o
}
