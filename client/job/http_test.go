package job_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/api"
)

const models = `version: 1
name: models
agents:
  - name: model
    capability: ask
    http:
      url: ${LLM_URL}
      format: chat
      model: ${LLM_MODEL:-small}
      headers: {X-Team: "${LLM_URL}"}
      key_env: LLM_KEY
      price_in: "3000000"
      guard:
        retry: {attempts: 4, backoff: 100ms}
        breaker: {failures: 9}
    timeout: 20s
    concurrency: 8
  - name: worker
    capability: work
    command: [x]
    grace: 1m
    resources: {memory: 67108864, cpu: 500}
tasks: [{capability: ask}]
`

func env(pairs map[string]string) job.Env {
	return func(name string) (string, bool) { v, ok := pairs[name]; return v, ok }
}

func TestAgentsGetAllThatTheFileSays(t *testing.T) {
	j, err := job.ParseIn([]byte(models), env(map[string]string{"LLM_URL": "http://127.0.0.1:1/v1", "LLM_MODEL": ""}))
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := accepts(t, compiled(t), []byte(models)); err != nil {
		t.Fatal(err)
	}
	j.Resolve(t.TempDir())
	placed := j.Place("run", []string{"h1"})
	got, worker := placed[0].Spec, placed[1].Spec
	want := &api.HTTPSpec{
		URL: "http://127.0.0.1:1/v1", Format: api.HTTPChat, Model: "small", Headers: map[string]string{"X-Team": "${LLM_URL}"}, KeyEnv: "LLM_KEY",
		PriceIn: 3_000_000, Guard: api.GuardSpec{
			Retry: &api.RetrySpec{Attempts: 4, Backoff: api.Duration(100 * time.Millisecond)}, Breaker: &api.BreakerSpec{Failures: 9},
		},
	}
	if d := cmp.Diff(want, got.HTTP); d != "" {
		t.Error(d)
	}
	if got.Runtime != api.RuntimeHTTP || got.Timeout.Std() != 20*time.Second || got.Dir != "" {
		t.Errorf("got %+v", got)
	}
	if worker.Grace.Std() != time.Minute || *worker.Resources != (api.Resources{Memory: 64 << 20, CPU: 500}) {
		t.Errorf("got %+v", worker)
	}
	for _, p := range placed {
		if err := p.Spec.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestReferencesToTheEnvironment(t *testing.T) {
	vars := env(map[string]string{"HOST": "h.example", "EMPTY": "", "TWICE": "${HOST}", "MODEL": "big"})
	for url, want := range map[string]string{ // an error where it has a space
		"http://plain/v1":                     "http://plain/v1",
		"http://${HOST}/v1":                   "http://h.example/v1",
		"${NONE:-https}://${HOST:-x}:${P:-1}": "https://h.example:1",
		"http://${EMPTY:-other}":              "http://other",
		"http://h/$HOST":                      "http://h/$HOST",
		"http://h/${TWICE}":                   "http://h/${HOST}", // a value is no template
		"${NONE}":                             "the environment has no NONE",
		"http://${EMPTY}":                     "the environment has no EMPTY",
		"http://h${NONE:-}":                   "http://h",
		"${HOST}":                             "must be an http or https URL",
		"http://${HOST":                       "a reference to the environment is",
		"http://${HOST:=x}":                   "a reference to the environment is",
		"http://${A B}":                       "a reference to the environment is",
		"http://${A:-${HOST}}":                "a reference to the environment is",
		"http://${}":                          "a reference to the environment is",
	} {
		file := strings.Replace(models, "${LLM_URL}", "'"+url+"'", 1)
		j, err := job.ParseIn([]byte(file), vars)
		switch {
		case strings.Contains(want, " "):
			if api.CodeOf(err) != api.Invalid || !strings.Contains(err.Error(), "line 7, agents[0].http.url: ") || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v", url, err)
			}
		case err != nil:
			t.Errorf("%s: %v", url, err)
		case j.Agents[0].HTTP.URL != want:
			t.Errorf("%s became %s, want %s", url, j.Agents[0].HTTP.URL, want)
		}
	}
	if _, err := job.Parse([]byte(models)); err == nil || !strings.Contains(err.Error(), "LLM_URL") {
		t.Errorf("without an environment: %v", err)
	}
}

func TestParseRefusesOddEndpoints(t *testing.T) {
	schema := compiled(t)
	for name, c := range map[string]struct {
		old, new, want string
		onlyParse      bool
	}{
		"http and command":     {"    timeout: 20s", "    command: [x]", "line 4, agents[0]: give one of", false},
		"another runtime":      {"    timeout: 20s", "    runtime: exec", "agents[0].http: an agent of the runtime exec has no http", false},
		"resources":            {"    timeout: 20s", "    resources: {cpu: 500}", "agents[0].resources: an agent of the runtime http has no resources", false},
		"tiny memory":          {"memory: 67108864", "memory: 5", "line 22, agents[1].resources.memory: memory is in bytes", true},
		"a password":           {"${LLM_URL}", "http://u:p@h", "line 7, agents[0].http.url: http.url must hold no password", true},
		"no model":             {"${LLM_MODEL:-small}", "''", "line 9, agents[0].http.model: must not be empty", false},
		"unknown format":       {"format: chat", "format: grpc", "line 8, agents[0].http.format: http.format must be", false},
		"a key in the file":    {"key_env: LLM_KEY", "key: abc", "line 11, agents[0].http.key: http.key must be a reference, env:NAME, file:/absolute/path or secret:NAME, and never the secret itself", false},
		"two keys":             {"key_env: LLM_KEY", "key_env: LLM_KEY\n      key: secret:llm", "line 12, agents[0].http.key: http: give either key or key_env", false},
		"a price with a point": {"\"3000000\"", "\"3.0\"", "line 12, agents[0].http.price_in", false},
		"a price as a number":  {"\"3000000\"", "3000000", "line 12, agents[0].http.price_in", false},
		"no backoff":           {"backoff: 100ms", "backoff: 0s", "line 14, agents[0].http.guard.retry.backoff: must be a duration above 0", true},
		"a long wait":          {"backoff: 100ms", "backoff: 25h", "line 14, agents[0].http.guard.retry: guard.retry is out of range", true},
		"failures below none":  {"failures: 9", "failures: -9", "line 15, agents[0].http.guard.breaker", false},
		"order leaves one out": {"breaker: {failures: 9}", "order: [breaker]", "line 15, agents[0].http.guard.order: guard.order leaves out retry", true},
		"a bulkhead of none":   {"breaker: {failures: 9}", "bulkhead: {waiting: 1}", "agents[0].http.guard.bulkhead", false},
		"a wrong key":          {"breaker: {failures: 9}", "limiter: {key: a b}", "agents[0].http.guard.limiter.key", false},
		"grace of a day":       {"grace: 1m", "grace: 24h", "line 21, agents[1].grace: grace must be", true},
		"timeout of zero":      {"timeout: 20s", "timeout: 0s", "line 16, agents[0].timeout: must be a duration above 0", true},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(models, c.old) {
				t.Fatalf("the file has no %s", c.old)
			}
			file := []byte(strings.Replace(models, c.old, c.new, 1))
			_, err := job.ParseIn(file, env(map[string]string{"LLM_URL": "http://h"}))
			if api.CodeOf(err) != api.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant an invalid error with %q", err, c.want)
			}
			if err := accepts(t, schema, file); err == nil != c.onlyParse {
				t.Errorf("the schema says: %v", err)
			}
		})
	}
}
