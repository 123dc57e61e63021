package top_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

// A put into an object store now and then leaves one goroutine of nats.go behind.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect"))
}

// patience bounds what a loaded machine may take for something that should come at once.
const patience = 30 * time.Second

// noon is when everything in these tests is.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
