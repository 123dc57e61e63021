package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
)

// TestMetricsUsage: what the service would refuse anyway is a usage error, before anything is sent: no server is there to ask.
func TestMetricsUsage(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{`metrics nonsense`, "no command"},
		{`metrics show a b`, "accepts at most 1"},
		{`metrics show a.b`, "id must be"},
		{`metrics show --kind robot`, "kind must be"},
		{`metrics show --scope all`, "scope must be"},
		{`metrics show a --scope fleet`, "id does not go with scope fleet"},
		{`metrics show --last 25h`, "last must be"},
		{`metrics show --last 1ms`, "last must be"},
		{`metrics show --metric Latency`, "metric must be"},
		{`metrics show --limit 1001`, "limit must be"},
		{`metrics top --by best`, "by must be"},
		{`metrics history`, "accepts between 1 and 2"},
		{`metrics history m a --step 1500ms`, "step must be"},
		{`metrics history m a --limit 5001`, "limit must be"},
		{`metrics compare m a`, "name A and B"},
		{`metrics compare m a b --before 5m`, "name A and B"},
		{`metrics export --format xml`, "format must be"},
		{`metrics record m a`, "accepts 3"},
		{`metrics record m a NaN`, "VALUE"},
		{`metrics record m a Inf`, "VALUE"},
		{`metrics record m a -- -1`, "value must be"},
		{`metrics record m a 1e16`, "value must be"},
		{`metrics record m a 1 --count -1`, "count must be"},
		{`metrics record m a/b 1`, "id must be"},
		{`metrics stats --kind robot`, "kind must be"},
	} {
		root := newRoot()
		root.SetArgs(append([]string{"--server", "nats://127.0.0.1:1", "--as", ""}, strings.Fields(tt.line)...))
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)
		if err := root.ExecuteContext(t.Context()); !errors.Is(err, errUsage) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("mabus %s: got %v, want a usage error with %q", tt.line, err, tt.want)
		}
	}
}

func TestDigits(t *testing.T) {
	for v, want := range map[api.Measure]string{0: "0", 0.123456: "0.1235", 123456: "123500", 1e-7: "1e-07", 99.999999: "100", 12: "12"} {
		if got := digits(v); got != want {
			t.Errorf("%v is %s, want %s", float64(v), got, want)
		}
	}
}
