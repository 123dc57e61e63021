package job_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/client/job"
)

// object draws some of the fields, each with one of its values. The first value of a field is good and mostly drawn, and
// the fields in needed are seldom left out, so that whole files are good often enough.
func object(t *rapid.T, name string, fields map[string][]any, needed ...string) map[string]any {
	o := map[string]any{}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		switch n := rapid.IntRange(0, 99).Draw(t, name+"."+field); {
		case n >= 97:
			o[field] = rapid.SampledFrom(fields[field]).Draw(t, "value")
		case n == 96, n >= 50 && !slices.Contains(needed, field):
		default:
			o[field] = fields[field][0]
		}
	}
	return o
}

type list = []any

var (
	ids       = list{"a-B_9", "", "a b", "ä", 7, nil, true}
	counts    = list{1, 2.0, 0, -1, 1.5, 10_001, "1", nil, list{}}
	durations = list{"90s", "1h30m", "+1.5ms", ".5s", "1.s", "2µs", "", "90", "s", "-1s", "1 s", "1d", 5, nil}
	amounts   = list{"2500000", "0", "9223372036854775807", "-1", "-0", "+1", "007", "2.50", "1e6", "", 2500000, nil}
	globs     = list{list{"**/*.go"}, list{}, list{""}, list{1}, "x", nil}
)

// TestParseAndSchemaAgree draws job files, good and bad, and wants one verdict of both.
func TestParseAndSchemaAgree(t *testing.T) {
	schema := compiled(t)
	good, bad := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		agent := object(rt, "agent", map[string][]any{
			"name": ids, "type": ids, "capability": ids,
			"tags":    {list{"x"}, list{""}, list{1}, "x"},
			"command": {list{"./x", ""}, list{}, list{""}, list{1}, "x", nil},
			"secrets": {map[string]any{"S": "secret:llm", "T_FILE": "file:/run/a/.b"}, map[string]any{"U": "env:V"}, map[string]any{}, map[string]any{"1": "env:V"}, map[string]any{"S": "sk-1"}, map[string]any{"S": "file:/a/../b"}, list{}},
			"env":     {map[string]any{"A": "b"}, map[string]any{}, map[string]any{"": "b"}, map[string]any{"A": 1}, list{}},
			"dir":     {"sub", "", 1}, "config": {map[string]any{"a": nil}, map[string]any{}, list{}, "x", nil},
			"per_host": counts, "concurrency": counts, "mailbox": {5, 0, "5"},
			"runtime": {"exec", "native", "external", "", 1}, "restart_policy": {"transient", "", "no", 1},
			"max_restarts": {0, -1, 1.5}, "max_seconds": {1, 0}, "max_cost": amounts, "timeout": durations, "grace": {"5s", "-1s", "1d", "", 5},
			"resources": {map[string]any{"memory": 1 << 26, "cpu": 500}, map[string]any{}, map[string]any{"memory": -1}, map[string]any{"disk": 1}, list{}, nil},
		}, "name", "capability", "command")
		switch rapid.IntRange(0, 9).Draw(rt, "twist") {
		case 0:
			agent["module"] = rapid.SampledFrom(list{"m", "", 1}).Draw(rt, "module")
		case 1:
			delete(agent, "command")
			delete(agent, "env")
			delete(agent, "secrets")
			delete(agent, "dir")
			delete(agent, "resources")
			agent["module"], agent["runtime"] = "m", "native"
		case 2:
			agent["capabilities"] = rapid.SampledFrom(list{list{"a"}, list{}, list{""}, nil}).Draw(rt, "capabilities")
		case 3:
			delete(agent, "capability")
			agent["capabilities"] = rapid.SampledFrom(list{list{"a", "b"}, list{}, list{"a b"}}).Draw(rt, "capabilities")
		case 4:
			agent["replicas"] = 2
		case 5:
			agent["http"] = endpoint(rt)
		case 6, 7, 8:
			for _, field := range []string{"command", "env", "secrets", "dir", "resources"} {
				delete(agent, field)
			}
			agent["http"], agent["runtime"] = endpoint(rt), "http"
		}
		file := object(rt, "job", map[string][]any{
			"version": {1, 1.0, 2, "1", nil}, "name": ids, "agents": {list{agent}, list{}, list{nil}, agent},
			"tasks": {list{object(rt, "step", map[string][]any{
				"capability": ids, "include": globs, "exclude": globs, "as": {"file", "value", "line", "", nil},
				"priority": {"high", "low", "", "mid"}, "attempts": {1, 1000, 0, 1001}, "timeout": durations, "backoff": durations,
			}, "capability")}, list{}, nil},
			"limits": {object(rt, "limits", map[string][]any{
				"max_inflight": {1, 100_000, 0, 100_001}, "max_failures": {0, 5, -1, "0"}, "deadline": durations,
				"max_input_bytes": {1, 1 << 28, 0, 1<<28 + 1},
				"max_cost":        amounts,
			}), list{}, nil},
			"output": {object(rt, "output", map[string][]any{"results": {"r", "", 1}, "report": {"r", "", nil}}), "x"},
			"report": {object(rt, "report", map[string][]any{"capability": ids, "attempts": {1, 0}, "timeout": durations}, "capability"), nil},
		}, "version", "name", "tasks")
		// JSON is YAML.
		body, err := json.Marshal(file)
		if err != nil {
			rt.Fatal(err)
		}
		_, parsed := job.Parse(body)
		said := accepts(t, schema, body)
		if (parsed == nil) != (said == nil) {
			rt.Fatalf("%s\nParse says:  %v\nschema says: %v", body, parsed, said)
		}
		if parsed == nil {
			good++
		} else {
			bad++
		}
	})
	if good == 0 || bad == 0 {
		t.Errorf("%d good files and %d bad ones prove nothing", good, bad)
	}
}

// endpoint draws the http of an agent. What a schema cannot say, such as that a configured stage is in the order, is not drawn.
func endpoint(t *rapid.T) any {
	whole, percent := list{7, 0, -1, 1.5, 1_000_000_001, "1", nil}, list{7, 0, 100, 101, -1}
	return object(t, "http", map[string][]any{
		"url": {"http://h/v1", "HTTPS://h", "http://${X:-h}/v1", "${X:-http://h}", "", "h", "ftp://h", "http:///v1", 1, nil}, "format": {"chat", "json", "", "xml", nil},
		"headers": {map[string]any{"X-A": "b"}, map[string]any{}, map[string]any{"a:": "b"}, map[string]any{"": "b"}, map[string]any{"a": "b\n"}, map[string]any{"a": 1}},
		"key_env": {"KEY", "", "a=b", 1}, "key": {"secret:llm", "env:KEY", "", "sk-123", "file:a", 1}, "model": {"m", "${M:-m}", "", 1}, "max_tokens": {5, 0, -1, 1.5}, "system": {"s", "", 1},
		"price_in": amounts, "price_out": amounts, "price_call": amounts,
		"guard": {object(t, "guard", map[string][]any{
			"order": {list{"pool", "retry", "limiter", "bulkhead", "breaker"}, list{}, list{"x"}, list{"pool", "pool"}, nil}, "timeout": durations,
			"retry":    {object(t, "retry", map[string][]any{"attempts": {3, 0, 101, -1}, "backoff": durations, "max_backoff": durations, "budget": {0, 1001}})},
			"bulkhead": {object(t, "bulkhead", map[string][]any{"concurrent": counts, "waiting": {0, 1_000_001, -1}}, "concurrent")},
			"limiter": {object(t, "limiter", map[string][]any{
				"scope": {"cluster", "local", "", "all"}, "key": ids, "requests": whole, "tokens": whole, "burst": percent, "max_wait": durations,
			}), nil},
			"breaker": {object(t, "breaker", map[string][]any{
				"failures": {5, 0, -1, 1_000_001}, "ratio": percent, "window": durations, "slow": durations, "open": durations, "probes": {1, 0, 1001},
			})},
			"pool": {object(t, "pool", map[string][]any{"size": {1, 0, 10_001}, "idle": {0, -1}, "idle_timeout": durations, "waiting": {0, -1}}), list{}},
		}), list{}, nil},
	}, "url", "model")
}
