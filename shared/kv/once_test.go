package kv_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestOnceKeepsTheFirstAnswer(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	requests, err := kv.OpenRequests(t.Context(), js, "mabus", 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	do := func(answer string, fail error) func(context.Context) (json.RawMessage, error) {
		return func(context.Context) (json.RawMessage, error) { calls++; return json.RawMessage(answer), fail }
	}
	cause := api.Cause{RequestID: "r1", BodyHash: "h1"}
	for range 2 { // the second would answer otherwise
		got, err := requests.Once(t.Context(), "s", cause, do(`"a`+string(rune('0'+calls))+`"`, nil))
		if err != nil || string(got) != `"a0"` {
			t.Fatalf("got %s, %v", got, err)
		}
	}
	if _, err := requests.Once(t.Context(), "s", api.Cause{RequestID: "r1", BodyHash: "h2"}, do("1", nil)); api.ReasonOf(err) != api.ReasonRequestReused {
		t.Fatalf("another body: got %v", err)
	}
	if calls != 1 {
		t.Fatalf("called %d times", calls)
	}
	// A refusal is an answer; trouble on the way is none.
	refused := api.Errorf(api.Conflict, "no")
	failed := api.Cause{RequestID: "r2", BodyHash: "h"}
	if _, err := requests.Once(t.Context(), "s", failed, do("", api.Errorf(api.Unavailable, "away"))); api.CodeOf(err) != api.Unavailable {
		t.Fatalf("got %v", err)
	}
	if _, err := requests.Once(t.Context(), "s", failed, do("", refused)); api.CodeOf(err) != api.Conflict {
		t.Fatalf("got %v", err)
	}
	if _, err := requests.Once(t.Context(), "s", failed, do("1", nil)); api.CodeOf(err) != api.Conflict {
		t.Fatalf("the refusal was not kept: got %v", err)
	}
	if calls != 3 {
		t.Fatalf("called %d times, want 3", calls)
	}
	// Without an id nothing is kept.
	for range 2 {
		if _, err := requests.Once(t.Context(), "s", api.Cause{}, do("1", nil)); err != nil {
			t.Fatal(err)
		}
	}
	if calls != 5 {
		t.Fatalf("called %d times, want 5", calls)
	}
}
