package natstest

import (
	"testing"

	"go.uber.org/goleak"
)

// VerifyTestMain runs the tests of a package, and fails if they leave goroutines behind that are not in Leaks.
func VerifyTestMain(m *testing.M) { goleak.VerifyTestMain(m, Leaks()...) }

// Leaks is what others leave behind now and then, and a test cannot end.
func Leaks() []goleak.Option {
	return []goleak.Option{
		// nats.go 1.55: a put into an object store cleans its publisher up before the goroutine of that has begun, which then waits on a nil channel.
		goleak.IgnoreTopFunction("github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect"),
		// nats-server 2.15: the store of a stream that is made while the server is shut down is never closed, and counts as a user of the clock.
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.(*fileStore).flushStreamStateLoop"),
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"),
	}
}
