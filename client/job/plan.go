package job

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"hash"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Input is one thing that the job works on.
type Input struct {
	// Path names the file, with forward slashes, relative to the argument that it was found through. The standard input has
	// the path StdinPath.
	Path string
	// Line is the number of the line of a value, from 1; 0 for a file.
	Line int
	Kind Kind
	// Size is how many bytes the input has.
	Size int64
}

// StdinPath is the path of values that come from the standard input, so that steps can include or exclude them by name.
const StdinPath = "stdin.jsonl"

// Name tells the inputs of one job apart: the path, with ":<line>" for a value.
func (in *Input) Name() string {
	if in.Line == 0 {
		return in.Path
	}
	return in.Path + ":" + strconv.Itoa(in.Line)
}

// Matches tells whether the step takes the input.
func (s *Step) Matches(in *Input) bool {
	if s.As != "" && s.As != in.Kind {
		return false
	}
	match := func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, in.Path) }
	return (len(s.Include) == 0 || slices.ContainsFunc(s.Include, match)) && !slices.ContainsFunc(s.Exclude, match)
}

// Match returns the indexes of the steps that take the input; none means that the input is skipped.
func (j *Job) Match(in *Input) []int {
	var steps []int
	for i := range j.Tasks {
		if j.Tasks[i].Matches(in) {
			steps = append(steps, i)
		}
	}
	return steps
}

// Plan returns one task for each step that takes the input, with the payload that the input has. The id of a task depends
// on the job's id, the step, the input's name and the payload and on nothing else, so that a job that was interrupted
// submits the same tasks when it is run again under its id, and an input that has changed becomes a new task.
func (j *Job) Plan(jobID string, in *Input, payload json.RawMessage) []api.TaskSpec {
	steps := j.Match(in)
	if len(steps) == 0 {
		return nil
	}
	content := sha256.Sum256(payload)
	tasks := make([]api.TaskSpec, len(steps))
	for n, i := range steps {
		s := &j.Tasks[i]
		tasks[n] = api.TaskSpec{
			ID: shortHash(20, "task", jobID, j.stepKey(i), in.Name(), string(content[:])), Job: jobID, Name: clipName(in.Name()),
			Capability: s.Capability, Priority: s.Priority, Payload: payload,
			Attempts: s.Attempts, Timeout: s.Timeout, Backoff: s.Backoff,
		}
	}
	return tasks
}

// clipName keeps the end of a name that is too long for a task, which tells more than its beginning.
func clipName(name string) string {
	if len(name) > 1000 {
		return "…" + strings.ToValidUTF8(name[len(name)-990:], "")
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}

// ReportTask returns the job's last task; nil when the job has no report.
func (j *Job) ReportTask(jobID string, payload json.RawMessage) *api.TaskSpec {
	if j.Report == nil {
		return nil
	}
	content := sha256.Sum256(payload)
	return &api.TaskSpec{
		ID: shortHash(20, "report", jobID, string(content[:])), Job: jobID, Capability: j.Report.Capability,
		Payload: payload, Attempts: j.Report.Attempts, Timeout: j.Report.Timeout,
	}
}

// stepKey names a step by its capability and its place among the steps of that capability: other steps can come and go.
func (j *Job) stepKey(step int) string {
	n := 0
	for i := range step {
		if j.Tasks[i].Capability == j.Tasks[step].Capability {
			n++
		}
	}
	return j.Tasks[step].Capability + "#" + strconv.Itoa(n)
}

// ID returns the id of a run of the job: its name and a hash of what it says and of the parts. The same parts give the
// same id, which is how a run is taken up again; a part that is new each time, such as a random nonce, makes a new run.
func (j *Job) ID(parts ...string) string {
	body, err := codec.Marshal(j)
	if err != nil { // only by a Config that is not JSON, which Parse does not let through
		body = []byte(err.Error())
	}
	return j.Name + "-" + shortHash(10, append([]string{"job", string(body)}, parts...)...)
}

// shortHash is n characters, at most 51, of a-z and 2-7: five bits of SHA-256 each. No two lists of parts are hashed alike.
func shortHash(n int, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		writePart(h, p)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)))[:n]
}

func writePart(h hash.Hash, p string) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(p)))
	h.Write(size[:])
	h.Write([]byte(p))
}
