package rpc_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

type baseKey struct{}

func TestContext(t *testing.T) {
	base, cancel := context.WithCancel(context.WithValue(t.Context(), baseKey{}, "base"))
	defer cancel()
	cause := api.Cause{Principal: "p", RequestID: "r"}
	c := rpc.NewContext(base, time.Hour, cause)
	if d, ok := c.Deadline(); !ok || time.Until(d) > time.Hour || time.Until(d) < 59*time.Minute {
		t.Errorf("deadline %v, %v", d, ok)
	}
	for _, when := range []string{"before Done", "after Done"} {
		if rpc.CauseFrom(c) != cause || c.Value(baseKey{}) != "base" || c.Value(when) != nil {
			t.Errorf("values %s: %v, %v", when, rpc.CauseFrom(c), c.Value(baseKey{}))
		}
		if c.Err() != nil {
			t.Errorf("%s: %v", when, c.Err())
		}
		select {
		case <-c.Done():
			t.Errorf("done %s", when)
		default:
		}
	}
	if rpc.CauseFrom(base) != (api.Cause{}) {
		t.Error("there is a cause outside a request")
	}
	c.End()
	<-c.Done()
	if !errors.Is(c.Err(), context.Canceled) || !errors.Is(context.Cause(c), context.Canceled) {
		t.Errorf("after End: %v, %v", c.Err(), context.Cause(c))
	}
	c.End() // again, to no effect
}

// How a context can end, each asked in both ways: with Done first, and with Err alone.
func TestAContextKeepsItsFirstError(t *testing.T) {
	for name, c := range map[string]struct {
		timeout time.Duration
		end     func(c *rpc.Context, cancelBase func())
		want    error
	}{
		"deadline":            {-1, func(*rpc.Context, func()) {}, context.DeadlineExceeded},
		"end":                 {time.Hour, func(c *rpc.Context, _ func()) { c.End() }, context.Canceled},
		"base":                {time.Hour, func(_ *rpc.Context, cancelBase func()) { cancelBase() }, context.Canceled},
		"end before deadline": {20 * time.Millisecond, func(c *rpc.Context, _ func()) { c.End() }, context.Canceled},
		"end before deadline, asked after it": {20 * time.Millisecond, func(c *rpc.Context, _ func()) {
			c.End()
			d, _ := c.Deadline()
			natstest.Eventually(t, time.Second, func() bool { return time.Now().After(d) }, "the deadline has passed")
		}, context.Canceled},
	} {
		for _, doneFirst := range []bool{true, false} {
			base, cancel := context.WithCancel(t.Context())
			ctx := rpc.NewContext(base, c.timeout, api.Cause{})
			c.end(ctx, cancel)
			if doneFirst {
				<-ctx.Done()
			}
			if err := ctx.Err(); !errors.Is(err, c.want) {
				t.Errorf("%s, Done first %v: %v", name, doneFirst, err)
			}
			ctx.End()
			cancel()
			if d, _ := ctx.Deadline(); c.timeout < time.Minute {
				natstest.Eventually(t, time.Second, func() bool { return time.Now().After(d) }, "the deadline has passed")
			}
			if err := ctx.Err(); !errors.Is(err, c.want) {
				t.Errorf("%s, Done first %v: the error became %v", name, doneFirst, err)
			}
			<-ctx.Done()
			if err := context.Cause(ctx); !errors.Is(err, c.want) {
				t.Errorf("%s, Done first %v: the cause is %v", name, doneFirst, err)
			}
		}
	}
}

func TestDerivedContextsNeedNoGoroutine(t *testing.T) {
	c := rpc.NewContext(t.Context(), time.Hour, api.Cause{Principal: "p"})
	before := runtime.NumGoroutine()
	const n = 100
	derived := make([]context.Context, n)
	for i := range derived {
		var cancel context.CancelFunc
		derived[i], cancel = context.WithTimeout(c, time.Hour)
		defer cancel()
	}
	if after := runtime.NumGoroutine(); after >= before+n {
		t.Errorf("%d goroutines became %d with %d derived contexts", before, after, n)
	}
	if rpc.CauseFrom(derived[0]).Principal != "p" {
		t.Error("a derived context has lost the cause")
	}
	called := make(chan struct{})
	context.AfterFunc(c, func() { close(called) })
	c.End()
	for _, d := range derived {
		<-d.Done()
		if !errors.Is(d.Err(), context.Canceled) {
			t.Fatal(d.Err())
		}
	}
	<-called
}
