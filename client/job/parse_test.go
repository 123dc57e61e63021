package job_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/api"
)

func TestParseFillsDefaults(t *testing.T) {
	got, err := job.Parse([]byte(valid + "report: {capability: sum}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &job.Job{
		Version: 1, Name: "demo",
		Agents: []job.Agent{{
			Name: "counter", Type: "worker", Capabilities: []string{"count"}, Runtime: api.RuntimeExec,
			Command: []string{"./count.sh", "--fast"}, Env: map[string]string{"LANG": "C"}, Replicas: 3, Concurrency: 1,
		}},
		Tasks: []job.Step{{
			Capability: "count", Include: []string{"**/*.txt"}, Exclude: []string{"**/old/**"}, Priority: "low",
			Attempts: 3, Timeout: api.Duration(90 * time.Second), Backoff: api.Duration(time.Second),
		}},
		Limits: job.Limits{MaxInflight: 1024, MaxInputBytes: 64 << 20},
		Output: job.Output{Results: "results.jsonl"},
		Report: &job.Report{Capability: "sum", Attempts: 3, Timeout: api.Duration(10 * time.Minute)},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if err := got.Validate(); err != nil {
		t.Errorf("what Parse returned is not valid: %v", err)
	}
}

// TestParseRefuses has, for each fault, the line and field that the error must name; onlyParse marks what a schema cannot say.
func TestParseRefuses(t *testing.T) {
	schema := compiled(t)
	for name, c := range map[string]struct {
		file      []byte
		want      string
		onlyParse bool
	}{
		"empty":                {nil, "one YAML document", false},
		"two documents":        {[]byte(valid + "---\na: 1\n"), "has 2", true},
		"not YAML":             {[]byte("version: 1\nname: [a\n"), "line 2", false},
		"a list":               {[]byte("- 1\n"), "line 1, the file", false},
		"repeated field":       {[]byte(valid + "name: again\n"), "line 14", false},
		"anchor":               {replace("{LANG: C}", "&e {LANG: C}"), "line 7: anchors", true},
		"alias bomb":           {[]byte("a: &a [x,x]\nb: &b [*a,*a]\n"), "anchors", false},
		"unknown field":        {replace("replicas", "replica"), "line 8, agents[0].replica: there is no such field", false},
		"unknown top field":    {[]byte(valid + "stages: []\n"), "line 14, stages: there is no such field", false},
		"wrong version":        {replace("version: 1", "version: 2"), "line 1, version: must be 1", false},
		"no version":           {replace("version: 1\n", ""), "version: must be 1", false},
		"number as name":       {replace("name: demo", "name: 7"), "line 2, name", false},
		"bad name":             {replace("name: demo", "name: a/b"), "line 2, name: must be", false},
		"long name":            {replace("name: demo", "name: "+strings.Repeat("a", 41)), "at most 40", false},
		"no tasks":             {[]byte("version: 1\nname: x\n"), "tasks: needs at least one", false},
		"no capability":        {replace("  - capability: count\n    include", "  - include"), "tasks[0].capability: is required", false},
		"null field":           {[]byte(valid + "report:\n"), "line 14, report: has no value", false},
		"bare number timeout":  {replace("90s", "90"), "line 13, tasks[0].timeout", false},
		"timeout of zero":      {replace("90s", "0s"), "line 13, tasks[0].timeout: must be a duration above 0", true},
		"negative timeout":     {replace("90s", "-1s"), "line 13, tasks[0].timeout: must be a duration above 0", false},
		"bad glob":             {replace("**/*.txt", "[a"), "line 11, tasks[0].include[0]: \"[a\" is not a glob", true},
		"both replica counts":  {replace("replicas: 3", "replicas: 3\n    per_host: 1"), "line 9, agents[0].per_host: give either", false},
		"no replicas":          {replace("replicas: 3", "replicas: 0"), "line 8, agents[0].replicas: must be 1 to", false},
		"half a replica":       {replace("replicas: 3", "replicas: 1.5"), "line 8, agents[0].replicas", false},
		"module and command":   {replace("env: {LANG: C}", "module: m"), "agents[0]: give one of", false},
		"nothing to run":       {replace("command: [./count.sh, --fast]\n    env: {LANG: C}", "type: t"), "line 4, agents[0]: give one of", false},
		"external":             {replace("env: {LANG: C}", "runtime: external"), "line 7, agents[0].runtime: must be native, exec or http", false},
		"env of a number":      {replace("{LANG: C}", "{LANG: 1}"), "line 7, agents[0].env.LANG", false},
		"env with =":           {replace("{LANG: C}", "{\"A=B\": C}"), "line 7, agents[0].env", false},
		"two kinds of caps":    {replace("capability: count\n    command", "capability: count\n    capabilities: [b]\n    command"), "line 6, agents[0].capabilities: give either", false},
		"same agent name":      {replace("tasks:", "  - name: counter\n    capability: c\n    module: m\ntasks:"), "line 9, agents[1].name: another agent", true},
		"unknown priority":     {replace("timeout: 90s", "priority: urgent"), "line 13, tasks[0].priority: must be high or low", false},
		"unknown kind":         {replace("timeout: 90s", "as: line"), "line 13, tasks[0].as: must be file or value", false},
		"backoff of two days":  {replace("timeout: 90s", "backoff: 48h"), "line 13, tasks[0].backoff: must be at most 24h", true},
		"config is a list":     {replace("env: {LANG: C}", "config: [1]"), "line 7, agents[0].config: must be an object", false},
		"infinity":             {replace("env: {LANG: C}", "config: {a: .inf}"), "JSON does not have", false},
		"empty results":        {[]byte(valid + "output: {results: \"\"}\n"), "line 14, output.results: must not be empty", false},
		"negative failures":    {[]byte(valid + "limits: {max_failures: -1}\n"), "limits.max_failures: must be 0 or more", false},
		"cost as a number":     {[]byte(valid + "limits: {max_cost: 2500000}\n"), "line 14, limits.max_cost: must be", false},
		"cost in units":        {[]byte(valid + "limits: {max_cost: \"2.50\"}\n"), "limits.max_cost: want an amount in micro-units", false},
		"negative cost":        {[]byte(valid + "limits: {max_cost: \"-1\"}\n"), "limits.max_cost: must be an amount in micro-units", false},
		"cost with zeros":      {[]byte(valid + "limits: {max_cost: \"007\"}\n"), "limits.max_cost: must be an amount in micro-units", false},
		"cost beyond measure":  {[]byte(valid + "limits: {max_cost: \"9223372036854775808\"}\n"), "limits.max_cost: want an amount", true},
		"huge inputs":          {[]byte(valid + "limits: {max_input_bytes: 1e12}\n"), "limits.max_input_bytes", false},
		"wrong restart policy": {replace("replicas: 3", "restart_policy: no"), "line 8, agents[0].restart_policy", false},
		"report with nothing":  {[]byte(valid + "report: {}\n"), "line 14, report.capability: is required", false},
		"too large":            {[]byte(strings.Repeat("#\n", job.MaxFileBytes)), "at most 65536 bytes", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := job.Parse(c.file)
			if api.CodeOf(err) != api.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant an invalid error with %q", err, c.want)
			}
			if err := accepts(t, schema, c.file); err == nil != c.onlyParse {
				t.Errorf("the schema says: %v", err)
			}
		})
	}
}

// TestParseSurvivesDeepText has text that recursion, or copying at each level, would choke on.
func TestParseSurvivesDeepText(t *testing.T) {
	for _, part := range []string{"[", "{a: {", "- ", "? ", "a: ", "[[],", "*a ", "<<: ", "\"\\x"} {
		if _, err := job.Parse([]byte(strings.Repeat(part, job.MaxFileBytes/len(part)))); api.CodeOf(err) != api.Invalid {
			t.Errorf("%q over and over: %v", part, err)
		}
	}
}

func TestValidateNamesTheField(t *testing.T) {
	j, err := job.Parse([]byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	j.Tasks[0].Include = []string{"["}
	if err := j.Validate(); err == nil || !strings.Contains(err.Error(), "tasks[0].include[0]") {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(valid))
	f.Add([]byte("version: 1\nname: x\ntasks: [{capability: c}]\nlimits: {deadline: 1h}\n"))
	f.Add([]byte(strings.ReplaceAll(models, "${LLM_URL}", "${U:-http://h}")))
	f.Add([]byte("a: &a [*a]\n? [x]\n: |\n  y\n--- !!str\n"))
	schema := compiled(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		j, err := job.Parse(file)
		if err != nil {
			if api.CodeOf(err) != api.Invalid {
				t.Errorf("code %s: %v", api.CodeOf(err), err)
			}
			return
		}
		if err := j.Validate(); err != nil {
			t.Errorf("accepted, and not valid: %v", err)
		}
		if err := accepts(t, schema, file); err != nil {
			t.Errorf("Parse accepts what the schema refuses: %v", err)
		}
	})
}
