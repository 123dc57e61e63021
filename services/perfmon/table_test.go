package perfmon_test

import (
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Whatever comes to whichever method of the table, somebody answers: with what was asked, or with an error of the closed set that says what
// is wrong. What was measured is as before, and both replicas live.
func TestJunkForEveryMethodChangesNothing(t *testing.T) {
	conn, srv, list := run(t, 2, quick)
	must(t, conn, api.DeltasAdd, deltaOf("s", 1, 1, 2, 3))
	natstest.Eventually(t, patience, func() bool { n, _ := counted(t, conn, fleet); return n == 3 }, "it is there")
	good := map[string]bool{"": true}
	for _, code := range api.Codes {
		good[string(code)] = code != api.Internal && code != api.Unimplemented && code != api.DeadlineExceeded
	}
	var refused atomic.Int64
	var group errgroup.Group
	group.SetLimit(32)
	nc := srv.Connect(t)
	for _, m := range api.Methods {
		if m.Service != "perfmon" || m.Noun != "deltas" && m.Noun != "metrics" {
			continue
		}
		for i, body := range natstest.Junk(m.Request) {
			group.Go(func() error {
				msg := nats.NewMsg(api.As("mabus", [...]string{"", "stranger"}[i%2], api.MethodSubject("mabus", m.Service, m.Noun, m.Verb)))
				msg.Data = []byte(body)
				msg.Header.Set(api.HeaderTimeout, "20s")
				answer, err := nc.RequestMsg(msg, patience)
				if err != nil {
					t.Errorf("%s %.150q: %v", m.Name(), body, err)
					return nil
				}
				code, text := answer.Header.Get(api.HeaderErrorCode), answer.Header.Get(api.HeaderError)
				if !good[code] || code != "" && text == "" {
					t.Errorf("%s %.150q: %s, %s", m.Name(), body, code, text)
				}
				if code != "" {
					refused.Add(1)
				}
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if refused.Load() < 300 {
		t.Errorf("%d were refused", refused.Load())
	}
	for range list { // each of the replicas, the last of them alone
		if n, status := counted(t, conn, fleet); n != 3 || status.LostIntervals != 0 {
			t.Errorf("%d samples, %+v", n, status)
		}
		if len(list) > 1 {
			list[0].stop()
			list = list[1:]
		}
	}
}
