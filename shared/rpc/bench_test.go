package rpc_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/rpc"
)

// BenchmarkCall is a typed echo; BenchmarkRawEcho in the same run says what NATS alone takes for the same bytes.
func BenchmarkCall(b *testing.B) {
	f := start(b, rpc.ServerConfig{}, nil)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := rpc.Call(b.Context(), f.ask, say, &sayRequest{Text: "hello"}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkRawEcho(b *testing.B) {
	f := start(b, rpc.ServerConfig{}, nil)
	sub, err := f.conn.NC.Subscribe("raw", func(m *nats.Msg) { _ = m.Respond(m.Data) })
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := f.conn.NC.Flush(); err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := f.ask.NC.RequestWithContext(b.Context(), "raw", []byte(`{"text":"hello"}`)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkMeteredCall is BenchmarkCall with both ends measured: what that costs is the difference.
func BenchmarkMeteredCall(b *testing.B) {
	f := start(b, rpc.ServerConfig{}, nil)
	m := measure(b, f.ask, "asker")
	f.conn.Measure(m, "asker")
	replaced := rpc.NewServer(f.conn, rpc.ServerConfig{Service: "test", Version: "1.2.3"})
	rpc.Handle(replaced, say, echo)
	if err := f.replica.Stop(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := replaced.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = replaced.Stop(b.Context()) }()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := rpc.Call(b.Context(), f.ask, say, &sayRequest{Text: "hello"}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
