package perfmon_test

import (
	"context"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Whatever is sent to a method, it is answered with an error that says what is wrong, and nothing is recorded.
func TestJunkIsRefused(t *testing.T) {
	conn, srv, _ := run(t, 1, quick)
	nc := srv.Connect(t)
	for _, d := range api.Methods {
		if d.Service != "perfmon" || d.Noun != "metrics" && d.Noun != "deltas" {
			continue
		}
		subject := api.MethodSubject("mabus", d.Service, d.Noun, d.Verb)
		for _, body := range []string{
			`{`, `[]`, `null`, `7`, `"x"`, "\x00\xff", `{"nonsense":1}`, `{"kind":"robot"}`, `{"limit":-1,"scope":"all"}`, `{"kind":7}`, `{"metric":{},"metric":{}}`,
			`{"last":"1h","from":"2026-01-01T00:00:00Z","last":"x"}`,
		} {
			msg, err := nc.Request(subject, []byte(body), patience)
			if err != nil {
				t.Fatal(err)
			}
			var e api.Error
			if err := codec.Read(msg.Data, &e); err != nil || e.Code != api.Invalid || e.Message == "" {
				t.Errorf("%s %q: got %q", d.Name(), body, msg.Data)
			}
			if err := nc.Publish(subject, []byte(body)); err != nil { // and by those who do not wait
				t.Fatal(err)
			}
		}
	}
	must(t, conn, api.DeltasAdd, deltaOf("s", 1, 1))
	natstest.Eventually(t, patience, func() bool { n, _ := counted(t, conn, fleet); return n == 1 }, "it goes on")
	held := must(t, conn, api.MetricsStats, api.MetricsStatsRequest{}).Held
	if held.SourceSeries != 1 || held.Records != 0 || held.Deltas != 1 {
		t.Errorf("junk was recorded: %+v", held)
	}
}

// What was taken survives an end of the server, and replicas go on when it is back.
func TestTheServerStartsAgain(t *testing.T) {
	t.Parallel()
	conn, srv, _ := run(t, 2, quick)
	for seq := range uint64(5) {
		must(t, conn, api.DeltasAdd, deltaOf("s", seq+1, 1))
	}
	srv.Restart(t)
	natstest.Eventually(t, patience, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // what was sent to the old one has no answer
		defer cancel()
		d := deltaOf("s", 6, 1)
		_, err := rpc.Call(ctx, conn, api.DeltasAdd, &d)
		return err == nil
	}, "it takes deltas again")
	natstest.Eventually(t, patience, func() bool { n, st := counted(t, conn, fleet); return n == 6 && st.LostIntervals == 0 }, "all of it counts")
}
