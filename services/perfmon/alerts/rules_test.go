package alerts_test

import (
	"testing"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestRulesFromTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, quick)
	ids := func() (list []string) {
		rules, err := w.Alerts.Rules(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rules {
			list = append(list, r.ID)
			if r.Disabled != (r.ID == "low_throughput") || r.Version != 1 || r.Problem != "" {
				t.Errorf("got %+v", r)
			}
		}
		return list
	}
	if got := ids(); len(got) != 5 || got[0] != "high_cpu_usage" {
		t.Errorf("got %v", got)
	}
	if err := w.Alerts.RemoveRule(t.Context(), "low_throughput"); err != nil {
		t.Error(err)
	}
	w.start(t, quick) // which makes none anew
	if got := ids(); len(got) != 4 {
		t.Errorf("got %v", got)
	}
}

func TestRulesAreChangedByCompareAndSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, quick)
	ctx := client.WithRequestID(t.Context(), rpc.NewRequestID())
	threshold := api.Measure(1)
	rule := api.AlertRule{ID: "r", Metric: "m", Comparison: api.AtLeast, Threshold: &threshold}
	for range 3 { // one request, however often
		if r, err := w.Alerts.AddRule(ctx, rule); err != nil || r.Version != 1 || r.ChangedBy != "ann" {
			t.Fatalf("%v %+v", err, r)
		}
	}
	_, err := w.Alerts.AddRule(t.Context(), rule)
	refused(t, err, api.Conflict, api.ReasonRuleExists)
	one := uint64(1)
	rule.Description = "second"
	if r, err := w.Alerts.SetRule(t.Context(), api.AlertRuleSetRequest{Rule: rule, Version: &one}); err != nil || r.Version != 2 {
		t.Fatalf("%v %+v", err, r)
	}
	_, err = w.Alerts.SetRule(t.Context(), api.AlertRuleSetRequest{Rule: rule, Version: &one})
	refused(t, err, api.Conflict, api.ReasonVersionMismatch)
	if r, err := w.Alerts.Rule(t.Context(), "r"); err != nil || r.Description != "second" {
		t.Errorf("%v %+v", err, r)
	}
	ctx = client.WithRequestID(t.Context(), rpc.NewRequestID())
	for range 2 {
		if err := w.Alerts.RemoveRule(ctx, "r"); err != nil {
			t.Fatal(err)
		}
	}
	err = w.Alerts.RemoveRule(t.Context(), "r")
	refused(t, err, api.NotFound, api.ReasonRuleNotFound)
	_, err = w.Alerts.SetRule(t.Context(), api.AlertRuleSetRequest{Rule: rule})
	refused(t, err, api.NotFound, api.ReasonRuleNotFound)
	_, err = w.Alerts.Rule(t.Context(), "r")
	refused(t, err, api.NotFound, api.ReasonRuleNotFound)
	_, err = w.Alerts.Ack(t.Context(), "nothing", "")
	refused(t, err, api.NotFound, api.ReasonAlertNotFound)
	_, err = w.Alerts.Get(t.Context(), "nothing")
	refused(t, err, api.NotFound, api.ReasonAlertNotFound)
}

func TestBadRulesChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, quick)
	nc := w.srv.Connect(t)
	before, err := w.Alerts.Rules(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const good = `"id":"r","metric":"m","comparison":"greater_than","threshold":1`
	for name, c := range map[string]struct{ body, reason string }{
		"no id":           {`{"metric":"m","comparison":"greater_than","threshold":1}`, api.ReasonMissingFields},
		"no metric":       {`{"id":"r","comparison":"greater_than","threshold":1}`, api.ReasonMissingFields},
		"no threshold":    {`{"id":"r","metric":"m","comparison":"greater_than"}`, api.ReasonMissingFields},
		"no comparison":   {`{"id":"r","metric":"m","threshold":1}`, api.ReasonMissingFields},
		"comparison":      {`{"id":"r","metric":"m","comparison":"above","threshold":1}`, ""},
		"a text":          {`{"id":"r","metric":"m","comparison":"at_most","threshold":"1"}`, api.ReasonMalformed},
		"NaN":             {`{"id":"r","metric":"m","comparison":"at_most","threshold":NaN}`, api.ReasonMalformed},
		"huge":            {`{"id":"r","metric":"m","comparison":"at_most","threshold":1e999}`, api.ReasonMalformed},
		"statistic":       {`{` + good + `,"statistic":"p42"}`, ""},
		"error share":     {`{` + good + `,"statistic":"error_share"}`, ""},
		"severity":        {`{` + good + `,"severity":"loud"}`, ""},
		"kind":            {`{` + good + `,"kind":"robot"}`, ""},
		"scope":           {`{` + good + `,"scope":"world"}`, ""},
		"source of all":   {`{` + good + `,"scope":"fleet","source":"a"}`, ""},
		"clear":           {`{` + good + `,"clear":2}`, ""},
		"window":          {`{` + good + `,"window":"2h"}`, ""},
		"short window":    {`{` + good + `,"window":"1ms"}`, ""},
		"for":             {`{` + good + `,"for":"-1s"}`, ""},
		"absent":          {`{` + good + `,"absent":"1s"}`, ""},
		"no route":        {`{` + good + `,"route":{}}`, api.ReasonMissingFields},
		"subject":         {`{` + good + `,"route":{"subject":"$SYS.>"}}`, ""},
		"long subject":    {`{` + good + `,"route":{"subject":"a.b.c.d.e.f.g.h.i"}}`, ""},
		"no url":          {`{` + good + `,"route":{"webhook":{}}}`, ""},
		"file":            {`{` + good + `,"route":{"webhook":{"url":"file:///etc/passwd"}}}`, ""},
		"password":        {`{` + good + `,"route":{"webhook":{"url":"http://u:p@h/"}}}`, ""},
		"two urls":        {`{` + good + `,"route":{"webhook":{"url":"http://h","url_env":"MABUS_ALERT_X"}}}`, ""},
		"other variable":  {`{` + good + `,"route":{"webhook":{"url":"http://h","key_env":"AWS_SECRET_ACCESS_KEY"}}}`, ""},
		"cluster limiter": {`{` + good + `,"route":{"webhook":{"url":"http://h","guard":{"limiter":{"scope":"cluster"}}}}}`, ""},
		"bad guard":       {`{` + good + `,"route":{"webhook":{"url":"http://h","guard":{"retry":{"attempts":-1}}}}}`, ""},
		"version":         {`{` + good + `,"version":7}`, ""},
		"unknown field":   {`{` + good + `,"action":"page"}`, api.ReasonUnknownField},
		"not an object":   {`[]`, api.ReasonMalformed},
		"nothing":         {``, ""},
	} {
		for _, subject := range []string{"mabus.perfmon.rules.add", "mabus.perfmon.rules.set"} {
			body := c.body
			if subject == "mabus.perfmon.rules.set" && body != "" {
				body = `{"rule":` + body + `}`
			}
			msg, err := nc.Request(subject, []byte(body), patience)
			if err != nil {
				t.Fatal(err)
			}
			var e api.Error
			if err := codec.Read(msg.Data, &e); err != nil || e.Code != api.Invalid || c.reason != "" && e.Details.Reason != c.reason {
				t.Errorf("%s, %s: got %s %v", subject, name, msg.Data, err)
			}
		}
	}
	for subject, body := range map[string]string{
		"alerts.list": `{"status":"odd"}`, "alerts.ack": `{}`, "alerts.clear": `{"id":"a b"}`, "alerts.undelivered": `{"limit":-1}`, "rules.remove": `{}`, "health.get": `{"x":1}`,
	} {
		msg, err := nc.Request("mabus.perfmon."+subject, []byte(body), patience)
		if err != nil || msg.Header.Get(api.HeaderErrorCode) != string(api.Invalid) {
			t.Errorf("%s: %v %s", subject, err, msg.Data)
		}
	}
	after, err := w.Alerts.Rules(t.Context())
	if err != nil || len(after) != len(before) {
		t.Errorf("%v: %d rules before, %d after", err, len(before), len(after))
	}
}

// What is in the buckets that no replica has written stops nothing.
func TestJunkInTheBuckets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, quick)
	for _, subject := range []string{"$KV.mabus_alert_rules.junk", "$KV.mabus_alerts.junk", "$KV.mabus_alert_letters.junk", "mabus.event.perfmon.alerts.junk"} {
		for _, body := range []string{"", "junk", `{"id":5}`, `{"type":"mabus.alerts.raised","data":{"rule":"x","route":{}}}`, `{"id":"junk","comparison":"no","metric":"heat","kind":"custom","window":"1s"}`} {
			if _, err := w.Conn().JS.Publish(t.Context(), subject, []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.add(t, nil)
	w.comes(t, "oven", 200, active, "it is raised all the same")
	natstest.Eventually(t, patience, w.replicas[0].Ready, "the replica is ready")
}
