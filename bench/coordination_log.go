package bench

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	logSubject   = "plain.log.echo"
	logAdd       = "plain.log.add"
	logPublished = "plain.log.published"
	logReady     = 30 * time.Second // for a replica to catch up
	logStop      = 5 * time.Second
	logPool      = 1024 // commands of one replica under way
)

// logPlace is where a log is measured: a server, copies of what the log stores, and replicas of the service.
type logPlace struct {
	url              string
	copies, replicas int
	suffix           string // of the figures
}

// logHouse is a log with what takes commands in front of it, plain subscribers beside that, and the connection that asks both.
type logHouse struct {
	at       logPlace
	ns       string
	ask      *nats.Conn
	js       jetstream.JetStream // of ask
	logs     []*replog.Log[*sum]
	added    atomic.Int64 // additions that were answered
	cleanups []func()
}

func openLogHouse(ctx context.Context, at logPlace) (_ *logHouse, err error) {
	h := &logHouse{at: at, ns: "bench-log" + at.suffix}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	for range at.replicas {
		if err := h.replica(ctx); err != nil {
			return nil, err
		}
	}
	if h.ask, err = nats.Connect(at.url, nats.Name("mabus bench plain")); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	h.cleanups = append(h.cleanups, h.ask.Close)
	if h.js, err = jetstream.New(h.ask); err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	return h, nil
}

// replica adds a replica of the log and what takes its commands, and a plain subscriber on the same connection.
func (h *logHouse) replica(ctx context.Context) error {
	conn, err := rpc.Dial(ctx, rpc.Options{URL: h.at.url, Namespace: h.ns, Name: "mabus bench log", Replicas: h.at.copies})
	if err != nil {
		return err
	}
	h.cleanups = append(h.cleanups, conn.Close)
	log, err := replog.Open(ctx, conn, replog.Config[*sum]{Realm: "adder", Machine: adder(), Replicas: h.at.copies})
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	h.logs = append(h.logs, log)
	h.cleanups = append(h.cleanups, stopping(ctx, log.Close))
	limit := time.After(logReady)
	for !log.Ready() {
		select {
		case <-log.Changes():
		case <-limit:
			return fmt.Errorf("the log is not ready after %s: it is %s", logReady, log.Status().State)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	srv := rpc.NewServer(conn, rpc.ServerConfig{Service: addMethod.Service, Version: "0.0.0", Description: "A counter that is measured"})
	handleAdditions(srv, log)
	if err := srv.Start(); err != nil {
		return err
	}
	h.cleanups = append(h.cleanups, stopping(ctx, srv.Stop))
	pool := rpc.NewPool(logPool, func(m *nats.Msg) { addOne(ctx, log, m) })
	h.cleanups = append(h.cleanups, stopping(ctx, pool.Close))
	for subject, take := range map[string]nats.MsgHandler{
		logSubject: func(m *nats.Msg) { _ = m.Respond(m.Data) },
		logAdd: func(m *nats.Msg) {
			if !pool.Submit(m) {
				_ = m.Respond(nil)
			}
		},
	} {
		sub, err := conn.NC.QueueSubscribe(subject+h.at.suffix, "plain", take)
		if err != nil {
			return err
		}
		h.cleanups = append(h.cleanups, func() { _ = sub.Unsubscribe() })
	}
	return conn.NC.Flush()
}

// stopping makes a cleanup of what stops within a time; how it ended does not matter to the figures.
func stopping(ctx context.Context, stop func(context.Context) error) func() {
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logStop)
		defer cancel()
		_ = stop(ctx)
	}
}

func (h *logHouse) close() {
	for _, f := range slices.Backward(h.cleanups) {
		f()
	}
}

// echo asks a plain subscriber.
func (h *logHouse) echo(context.Context, int) error {
	m, err := h.ask.Request(logSubject+h.at.suffix, additionBody, api.DefaultTimeout.Std())
	if err == nil && len(m.Data) != len(additionBody) {
		err = errAnswer
	}
	return err
}

// add has the log add one, without a service.
func (h *logHouse) add(context.Context, int) error {
	m, err := h.ask.Request(logAdd+h.at.suffix, additionBody, api.DefaultTimeout.Std())
	switch {
	case err != nil:
		return err
	case len(m.Data) == 0:
		return errAnswer
	}
	h.added.Add(1)
	return nil
}

// service has the log add one, through the handler of a service.
func (h *logHouse) service(context.Context, int) error {
	if _, err := h.total(additionBody); err != nil {
		return err
	}
	h.added.Add(1)
	return nil
}

// direct adds one without a request.
func (h *logHouse) direct(ctx context.Context, _ int) error {
	if _, err := h.logs[0].Do(ctx, engine.Command{Kind: kindOne, Body: additionBody}); err != nil {
		return err
	}
	h.added.Add(1)
	return nil
}

// total has the log carry out an addition, and returns the sum after it.
func (h *logHouse) total(body []byte) (int64, error) {
	m, err := h.ask.Request(addMethod.Subject(h.ns), body, api.DefaultTimeout.Std())
	if err != nil {
		return 0, err
	}
	if code := m.Header.Get(api.HeaderErrorCode); code != "" {
		return 0, fmt.Errorf("an addition was refused: %s: %s", code, m.Data)
	}
	var s sum
	if err := codec.Read(m.Data, &s); err != nil {
		return 0, err
	}
	return s.Sum, nil
}

// check compares the counter with what was added.
func (h *logHouse) check(ctx context.Context) error {
	got, err := h.total([]byte(`{"by":0}`))
	if want := h.added.Load(); err == nil && got != want {
		err = fmt.Errorf("the counter stands at %d after %d additions that were answered", got, want)
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// puts is the side of callers who put a value of the size of an addition.
func (h *logHouse) puts(ctx context.Context) (side, error) {
	kv, err := h.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "bench-puts", History: 1, Storage: jetstream.FileStorage, MaxBytes: 64 << 20})
	if err != nil {
		return side{}, fmt.Errorf("make the bucket of puts: %w", err)
	}
	var keys [64]string
	for i := range keys {
		keys[i] = fmt.Sprint("own-", i)
	}
	return side{"kv", loop(len(keys), func(ctx context.Context, caller int) error {
		_, err := kv.Put(ctx, keys[caller], additionBody)
		return err
	})}, nil
}
