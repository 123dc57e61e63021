// Package llm_test runs the example's job, agents and all, against the bundled endpoint in the test's process.
package llm_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/client/job/input"
	"github.com/mabus-project/mabus/client/job/run"
	"github.com/mabus-project/mabus/examples/llm/fake"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// documents are few and small, and each has something to pick from.
var documents = map[string]string{
	"harbour.md": "# Weston\n\nThe harbour of Weston was built in 1840. Fish was sold there every morning. The harbour silted up when the river moved its bed. The river took the trade of the harbour with it. Today the harbour is a lagoon.\n",
	"mill.md":    "The mill has a wheel. The wheel of the mill turns the stones. The stones grind corn for the bakers of the town. Bakers start early. In winter the wheel is frozen.\n",
	"README":     "Read this first. The tool reads files and writes a list of them. A list has one line for each file. Lines are sorted by name.\n",
	"doc/a.html": "<html><head><style>p {colour: red}</style></head><body><h1>Clocks</h1><p>A clock has a spring &amp; a wheel.</p><p>The spring drives the wheel of the clock.</p><script>no()</script><p>Wheels turn slowly.</p></body></html>",
	"long.md":    strings.Repeat("The long text repeats what the long text says of length. ", 200),
	"other.txt":  "Nobody takes this.",
}

// world is NATS and all services in this process, and a client.
func world(t *testing.T) *client.Client {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed here, and the example's agents are written in Python")
	}
	srv := natstest.Start(t)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- daemon.Run(ctx, daemon.Config{
			NATS: rpc.Options{URL: srv.URL()}, Version: "0.0.1", OnReady: func(*rpc.Conn) { close(ready) },
		}, []daemon.Service{
			{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
				return registry.Start(ctx, env.Conn, registry.Config{})
			}},
			agenthost.New(agenthost.Config{ID: "h1"}),
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- nil
		t.Fatal(err)
	}
	c, err := client.Connect(t.Context(), client.Options{URL: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// serve returns the endpoint and its URL.
func serve(t *testing.T, opt fake.Options) (*fake.Endpoint, string) {
	t.Helper()
	t.Setenv("MABUS_LLM_KEY", "k1")
	opt.Key = "k1"
	e := fake.New(opt)
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	return e, s.URL + "/v1"
}

// read returns the job of the example with its models under the names given, by the names that the file has.
func read(t *testing.T, url string, models map[string]string) *job.Job {
	t.Helper()
	data, err := os.ReadFile("job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	j, err := job.ParseIn(data, func(name string) (string, bool) { return url, name == "MABUS_LLM_URL" })
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	j.Resolve(dir)
	for i := range j.Agents {
		if h := j.Agents[i].HTTP; h != nil && models[h.Model] != "" {
			h.Model = models[h.Model]
		}
	}
	for i := range j.Tasks { // nothing to wait for here
		j.Tasks[i].Backoff = api.Duration(10 * time.Millisecond)
	}
	return j
}

// review is what the agent answers, as far as the test looks at it.
type review struct {
	Summaries map[string]string `json:"summaries"`
	Agree     *bool             `json:"agree"`
	Overlap   *int              `json:"overlap"`
	Models    []struct {
		Model string `json:"model"`
		For   string `json:"for"`
		Error string `json:"error"`
	} `json:"models"`
	Notes []string `json:"notes"`
}

// outcome is what became of a run.
type outcome struct {
	stats   run.Stats
	tasks   map[string]job.Outcome // by input
	reviews map[string]review
	report  *job.ReportAnswer
	err     error
}

// tree writes the documents to a folder.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range documents {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// do carries the job out on the documents.
func do(t *testing.T, c *client.Client, j *job.Job, dir, id string) *outcome {
	t.Helper()
	var mu sync.Mutex
	o := &outcome{tasks: map[string]job.Outcome{}, reviews: map[string]review{}}
	r := run.New(run.Config{
		Client: c, Job: j, ID: id, Inputs: input.Expand([]string{dir}, input.Options{}),
		Outcome: func(one job.Outcome) error {
			mu.Lock()
			defer mu.Unlock()
			o.tasks[one.Input] = one
			return nil
		},
		Results: func() (all []job.Outcome, _ error) {
			mu.Lock()
			defer mu.Unlock()
			for _, one := range o.tasks {
				all = append(all, one)
			}
			slices.SortFunc(all, func(a, b job.Outcome) int { return strings.Compare(a.Input, b.Input) })
			return all, nil
		},
		Warn: func(format string, args ...any) { t.Logf("warning: "+format, args...) },
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	o.err = r.Do(ctx)
	o.stats, o.report = r.Stats(), r.Report()
	for name, one := range o.tasks {
		if one.Status != api.TaskSucceeded {
			continue
		}
		var rev review
		if err := codec.Read(one.Result, &rev); err != nil {
			t.Fatalf("%s: %s", name, one.Result)
		}
		o.reviews[name] = rev
	}
	return o
}

// price is what the endpoint's answers cost by the job's prices.
func price(j *job.Job, s fake.Stats) (sum api.Micro) {
	for i := range j.Agents {
		if h := j.Agents[i].HTTP; h != nil {
			m := s.Models[h.Model]
			sum += (api.Micro(m.TokensIn)*h.PriceIn + api.Micro(m.TokensOut)*h.PriceOut) / 1_000_000
		}
	}
	return sum
}

func field[T any](t *testing.T, data json.RawMessage, path ...string) T {
	t.Helper()
	for _, name := range path {
		var o map[string]json.RawMessage
		if err := codec.Read(data, &o); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		data = o[name]
	}
	var v T
	if err := codec.Read(data, &v); err != nil {
		t.Fatalf("%v in %s: %v", path, data, err)
	}
	return v
}
