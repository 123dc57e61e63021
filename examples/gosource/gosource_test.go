// Package gosource_test runs the parts of the example by themselves: the job file, the agent in sh, and the report against
// a second way of counting.
package gosource_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"go/build"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/client/job/input"
	"github.com/mabus-project/mabus/examples/gosource/check"
	"github.com/mabus-project/mabus/services/agenthost/native/gosource"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// trees are small and together have all there is: tests, cycles by tests, assembly of many architectures, broken files.
var trees = []string{"strings", "sort", "internal/bytealg", "go/parser", "context", "crypto/sha256", "cmd/asm/internal/asm/testdata"}

func tree(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(build.Default.GOROOT, "src", filepath.FromSlash(name))
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("Go is installed without its source, which is what the job reads: %v", err)
	}
	return dir
}

func readJob(t *testing.T) *job.Job {
	t.Helper()
	data, err := os.ReadFile("job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	j, err := job.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestJobFileMeetsItsSchema(t *testing.T) {
	readJob(t)
	data, err := os.ReadFile("job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	body, err := yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	read := func(doc []byte) any {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(doc)))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("job.json", read(job.Schema())); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("job.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(read(body)); err != nil {
		t.Error(err)
	}
}

// awks are the kinds of awk that are installed here.
func awks() []string {
	var found []string
	for _, words := range []string{"awk", "mawk", "gawk --posix", "busybox awk", "original-awk"} {
		if _, err := exec.LookPath(strings.Fields(words)[0]); err == nil {
			found = append(found, words)
		}
	}
	return found
}

// shellAgent is asm-lines.sh, asked one file at a time over pipes as an agent host does: it must answer before more comes.
type shellAgent struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	number int
}

func startShell(t *testing.T, awk string) *shellAgent {
	t.Helper()
	a := &shellAgent{cmd: exec.CommandContext(t.Context(), "./asm-lines.sh")}
	a.cmd.Env = append(os.Environ(), "AWK="+awk)
	a.cmd.Stderr = os.Stderr
	in, err := a.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a.in, a.out = in, bufio.NewReader(out)
	a.write(t, `{"type":"init","protocol":1,"agent":{"id":"a"},"config":{}}`)
	return a
}

func (a *shellAgent) write(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(a.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// ask sends one message and returns the frame that answers it.
func (a *shellAgent) ask(t *testing.T, payload json.RawMessage) map[string]json.RawMessage {
	t.Helper()
	a.number++
	a.write(t, `{"type":"cancel","id":"999"}`)
	a.write(t, fmt.Sprintf(`{"type":"message","id":"%d","task":{"id":"t1","attempt":1},"principal":"\"id\":\"x\"","payload":%s}`, a.number, payload))
	line, err := a.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	var frame map[string]json.RawMessage
	if err := codec.Read(line, &frame); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if string(frame["id"]) != fmt.Sprintf(`"%d"`, a.number) {
		t.Fatalf("%s answers %s", line, frame["id"])
	}
	return frame
}

func (a *shellAgent) stop(t *testing.T) {
	t.Helper()
	a.write(t, `{"type":"stop"}`)
	if rest, err := io.ReadAll(a.out); err != nil || len(rest) > 0 {
		t.Errorf("after the stop came %q, %v", rest, err)
	}
	if err := a.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

type asmCount struct {
	Path         string `json:"path"`
	Lines        int    `json:"lines"`
	TextSymbols  int    `json:"text_symbols"`
	CommentLines int    `json:"comment_lines"`
}

func TestShellAgentOnOddText(t *testing.T) {
	for _, awk := range awks() {
		t.Run(awk, func(t *testing.T) {
			a := startShell(t, awk)
			for _, c := range []struct {
				content string
				want    asmCount
			}{
				{"", asmCount{"", 0, 0, 0}},
				{"\n", asmCount{"", 1, 0, 0}},
				{"TEXT ·f(SB),4,$0", asmCount{"", 1, 1, 0}},
				{"TEXT ·f(SB),4,$0\n\tRET", asmCount{"", 2, 1, 0}},
				{" \t TEXT\tf(SB)\r\n\t// TEXT x\n/*\nTEXT y\n*/ TEXT z\nTEXTURE\n/* one */\nMOVQ $\"TEXT \\n\", AX // x\n", asmCount{"", 8, 1, 5}},
				{`a\nTEXT b` + "\n" + `\\n` + "\n" + `"\"` + "\n", asmCount{"", 3, 0, 0}},
			} {
				c.want.Path = `odd "path"\with\\nall.s`
				payload, err := codec.Marshal(map[string]string{"path": c.want.Path, "content": c.content})
				if err != nil {
					t.Fatal(err)
				}
				// Both orders of the fields are the same message.
				for _, p := range []json.RawMessage{payload, swapped(t, c.want.Path, c.content)} {
					var got asmCount
					if err := codec.Decode(a.ask(t, p)["payload"], &got); err != nil {
						t.Fatal(err)
					}
					if d := cmp.Diff(c.want, got); d != "" {
						t.Errorf("%q: %s", c.content, d)
					}
				}
			}
			if f := a.ask(t, json.RawMessage(`{"path":"x","content_base64":"/w=="}`)); string(f["type"]) != `"error"` {
				t.Errorf("a binary file is answered by %s", f["type"])
			}
			a.stop(t)
		})
	}
}

func swapped(t *testing.T, path, content string) json.RawMessage {
	t.Helper()
	p, err := codec.Marshal(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := codec.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return json.RawMessage(`{"path":` + string(p) + `,"content":` + string(c) + `}`)
}

// TestReportIsWhatIsThere runs each file through the agent that the job gives it to, and the results through the reporter.
func TestReportIsWhatIsThere(t *testing.T) {
	j := readJob(t)
	analyser, err := gosource.Analyser.New(t.Context(), agent.Env{})
	if err != nil {
		t.Fatal(err)
	}
	reporter, err := gosource.Reporter.New(t.Context(), agent.Env{})
	if err != nil {
		t.Fatal(err)
	}
	for n, name := range trees {
		t.Run(name, func(t *testing.T) {
			root := tree(t, name)
			installed := awks()
			shell := startShell(t, installed[n%len(installed)])
			var results []job.Outcome
			for it, err := range input.Expand([]string{root}, input.Options{}) {
				if err != nil {
					t.Fatal(err)
				}
				payload, err := it.Payload()
				if err != nil {
					t.Fatal(err)
				}
				for _, task := range j.Plan("run", &it.Input, payload) {
					var result json.RawMessage
					if task.Capability == "asm-lines" {
						result = shell.ask(t, task.Payload)["payload"]
					} else if result, err = analyser.Handle(t.Context(), &agent.Message{Payload: task.Payload}); err != nil {
						t.Fatal(err)
					}
					results = append(results, job.Outcome{Task: task.ID, Capability: task.Capability, Input: it.Name(), Status: api.TaskSucceeded, Result: result})
				}
			}
			shell.stop(t)
			slices.Reverse(results)
			payload, err := codec.Marshal(job.ReportRequest{Job: job.RunInfo{ID: "run"}, Results: results})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := reporter.Handle(t.Context(), &agent.Message{Payload: payload})
			if err != nil {
				t.Fatal(err)
			}
			compare(t, root, answer)
		})
	}
}

func compare(t *testing.T, root string, answer json.RawMessage) {
	t.Helper()
	var a job.ReportAnswer
	if err := codec.Decode(answer, &a); err != nil {
		t.Fatal(err)
	}
	var r gosource.Report
	if err := codec.Decode(a.Data, &r); err != nil {
		t.Fatal(err)
	}
	want, err := check.Totals(root)
	if err != nil {
		t.Fatal(err)
	}
	s, asm := r.Totals, r.Assembly
	got := check.Result{
		GoFiles: s.Files, TestFiles: s.TestFiles, ParseErrors: s.ParseErrors, Lines: s.Lines, CodeLines: s.CodeLines,
		CommentLines: s.CommentLines, Packages: s.Packages, Functions: s.Functions, Methods: s.Methods, Complexity: s.Complexity,
		AsmFiles: asm.Files, AsmLines: asm.Lines, AsmSymbols: asm.TextSymbols, AsmComments: asm.CommentLines,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the report (+) is not what is there (-):\n%s", d)
	}
	if want.GoFiles == 0 && want.AsmFiles == 0 {
		t.Error("there is nothing there")
	}
}
