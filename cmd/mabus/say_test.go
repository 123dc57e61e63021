package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
)

func TestSay(t *testing.T) {
	gone := api.Errorf(api.NotFound, "no agent a1").WithReason(api.ReasonAgentNotFound)
	for _, tt := range []struct {
		err  error
		want string
	}{
		{gone, "no agent a1"},
		{fmt.Errorf("job.yaml: %w; try again", gone), "job.yaml: no agent a1; try again"},
		{errors.New("disk full"), "disk full"},
		{errors.Join(errors.New("disk full"), gone), "disk full\nno agent a1"},
	} {
		if got := say(tt.err); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"nats://127.0.0.1:4222":                  "nats://127.0.0.1:4222",
		"nats://ann:secret@a:4222,nats://b:4222": "nats://ann:xxxxx@a:4222,nats://b:4222",
		"nats://ann:sec ret@a:x":                 "(not a URL)",
	} {
		if got := redact(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
