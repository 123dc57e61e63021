package lease_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestTimingOfTheEnvironment(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	day, sec := 24*time.Hour, time.Second
	cases := []struct {
		env   string
		given lease.Timing
		want  lease.Timing // zero is refused
	}{
		{"", lease.Timing{}, lease.Timing{Renew: 2 * sec, Hold: 12 * sec, Challenge: 15 * sec, Keep: day}},
		{"500ms,3s,4s", lease.Timing{}, lease.Timing{Renew: sec / 2, Hold: 3 * sec, Challenge: 4 * sec, Keep: day}},
		{"500ms,3s,4s", lease.Timing{Renew: sec}, lease.Timing{Renew: sec, Hold: 3 * sec, Challenge: 4 * sec, Keep: day}},
		{"500ms,3s", lease.Timing{}, lease.Timing{}},
		{"500ms,3s,soon", lease.Timing{}, lease.Timing{}},
		{"500ms,-3s,4s", lease.Timing{}, lease.Timing{}},
		{"500ms,4s,3s", lease.Timing{}, lease.Timing{}},
	}
	for _, c := range cases {
		t.Run(c.env, func(t *testing.T) {
			t.Setenv(lease.EnvTiming, c.env)
			s, err := lease.Open(t.Context(), js, "env", 1, c.given)
			switch {
			case c.want == (lease.Timing{}):
				if err == nil {
					t.Error("it was accepted")
				}
			case err != nil:
				t.Error(err)
			case s.Timing() != c.want:
				t.Errorf("got %+v, want %+v", s.Timing(), c.want)
			}
		})
	}
}
