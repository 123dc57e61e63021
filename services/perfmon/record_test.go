package perfmon_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

func measure(v float64) *api.Measure {
	m := api.Measure(v)
	return &m
}

func TestABareClientRecordsAndReads(t *testing.T) {
	conn, srv, _ := run(t, 1, quick)
	nc := srv.Connect(t)
	ask := func(subject, body string) *nats.Msg {
		t.Helper()
		msg, err := nc.Request(subject, []byte(body), patience)
		if err != nil {
			t.Fatal(err)
		}
		return msg
	}
	if got := ask("mabus.perfmon.metrics.record", `{"metric":"temperature","id":"oven-1","value":180.5}`); string(got.Data) != `{"recorded":1}` {
		t.Errorf("got %s %v", got.Data, got.Header)
	}
	if got := ask("mabus.perfmon.metrics.record", `{"records":[{"metric":"temperature","id":"oven-1","value":181.5,"count":2},{"metric":"temperature","id":"oven-2","kind":"custom","value":0}]}`); string(got.Data) != `{"recorded":3}` {
		t.Errorf("got %s %v", got.Data, got.Header)
	}
	// What was answered is in the log, and the view has it as soon as it has read that.
	natstest.Eventually(t, patience, func() bool {
		var resp api.MetricsListResponse
		msg := ask("mabus.perfmon.metrics.current", `{"kind":"custom","metric":"temperature"}`)
		if err := codec.Read(msg.Data, &resp); err != nil {
			t.Fatal(err)
		}
		return len(resp.Series) == 2 && resp.Series[0].Count == 3 && resp.Series[0].Max == 181.5 && resp.Series[0].ID == "oven-1" && resp.Status.Age < api.Duration(patience)
	}, "what was recorded is read")
	resp := must(t, conn, api.MetricsWindow, api.MetricsWindowRequest{MetricSelector: api.MetricSelector{Kind: api.SourceCustom, ID: "oven-1"}})
	if len(resp.Series) != 1 || resp.Series[0].Mean != (180.5+2*181.5)/3 || resp.Series[0].Min != 180.5 {
		t.Errorf("got %+v", resp.Series)
	}
	fleet := must(t, conn, api.MetricsWindow, api.MetricsWindowRequest{MetricSelector: api.MetricSelector{Kind: api.SourceCustom, Scope: api.MetricsOfFleet}})
	if len(fleet.Series) != 1 || fleet.Series[0].Count != 4 || fleet.Series[0].ID != "" {
		t.Errorf("the fleet: %+v", fleet.Series)
	}
	if fleet.Status.LostIntervals != 0 || fleet.Status.Replica == "" || time.Since(fleet.Status.AsOf) > patience {
		t.Errorf("status %+v", fleet.Status)
	}
}

func TestBadRecordsChangeNothing(t *testing.T) {
	conn, srv, _ := run(t, 1, quick)
	nc := srv.Connect(t)
	for name, body := range map[string]string{
		"no value":      `{"metric":"m","id":"a"}`,
		"NaN":           `{"metric":"m","id":"a","value":NaN}`,
		"a string":      `{"metric":"m","id":"a","value":"NaN"}`,
		"negative":      `{"metric":"m","id":"a","value":-1}`,
		"huge":          `{"metric":"m","id":"a","value":1e16}`,
		"beyond floats": `{"metric":"m","id":"a","value":1e999}`,
		"unknown kind":  `{"metric":"m","id":"a","value":1,"kind":"robot"}`,
		"unknown field": `{"metric":"m","id":"a","value":1,"x":1}`,
		"repeated":      `{"metric":"m","id":"a","value":1,"value":2}`,
		"bad id":        `{"metric":"m","id":"a b","value":1}`,
		"bad metric":    `{"metric":"M","id":"a","value":1}`,
		"no metric":     `{"id":"a","value":1}`,
		"count":         `{"metric":"m","id":"a","value":1,"count":-1}`,
		"one bad":       `{"records":[{"metric":"m","id":"a","value":1},{"metric":"m","id":"a","value":-1}]}`,
		"both forms":    `{"metric":"m","id":"a","value":1,"records":[{"metric":"m","id":"a","value":1}]}`,
		"not JSON":      `value 1`,
		"nothing":       ``,
	} {
		msg, err := nc.Request("mabus.perfmon.metrics.record", []byte(body), patience)
		if err != nil {
			t.Fatal(err)
		}
		var e api.Error
		if err := codec.Read(msg.Data, &e); err != nil || e.Code != api.Invalid || msg.Header.Get(api.HeaderErrorCode) != string(api.Invalid) {
			t.Errorf("%s: got %s %v", name, msg.Data, err)
		}
		if err := nc.Publish("mabus.perfmon.metrics.record", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	must(t, conn, api.MetricsRecord, api.RecordRequest{MetricRecord: api.MetricRecord{Metric: "good", ID: "a", Value: measure(1)}})
	natstest.Eventually(t, patience, func() bool {
		return len(must(t, conn, api.MetricsWindow, api.MetricsWindowRequest{MetricSelector: api.MetricSelector{Kind: api.SourceCustom, Metric: "good"}}).Series) == 1
	}, "the good one is there")
	if got := must(t, conn, api.MetricsWindow, api.MetricsWindowRequest{MetricSelector: api.MetricSelector{Kind: api.SourceCustom, Metric: "m"}}); len(got.Series) != 0 {
		t.Errorf("a refused record counts: %+v", got.Series)
	}
}
