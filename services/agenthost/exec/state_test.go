package exec_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
)

// keepers are workers with a state. Their messages name frames for them to write, and are answered with the next reply or,
// if that is null, at once.
var keepers = map[string]func(in *bufio.Reader, out *bufio.Writer){
	"keeper":  func(in *bufio.Reader, out *bufio.Writer) { keep(in, out, `{"type":"state","payload":{"last":true}}`) },
	"nothing": func(in *bufio.Reader, out *bufio.Writer) { keep(in, out, `{"type":"state"}`) },
	"unable":  func(in *bufio.Reader, out *bufio.Writer) { keep(in, out, `{"type":"state","error":"out of paper"}`) },
	"silent":  func(in *bufio.Reader, out *bufio.Writer) { keep(in, out, "") },
	"parting": func(in *bufio.Reader, out *bufio.Writer) { keep(in, out, `{"type":"state","payload":"farewell"} exit`) },
	"dying":   func(in *bufio.Reader, out *bufio.Writer) { keep(in, out, "exit") },
	"large": func(in *bufio.Reader, out *bufio.Writer) {
		keep(in, out, `{"type":"state","payload":`+text(exec.MaxState)+`}`)
	},
}

func keep(in *bufio.Reader, out *bufio.Writer, last string) {
	say := func(line string) {
		fmt.Fprintln(out, line)
		_ = out.Flush()
	}
	asked := ""
	say(`{"type":"ready","stateful":true}`)
	for {
		raw, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var l line
		_ = json.Unmarshal(raw, &l)
		switch l.Type {
		case "init":
			var hello struct{ State json.RawMessage }
			_ = json.Unmarshal(raw, &hello)
			last = strings.Replace(last, `"last":true`, `"was":`+string(hello.State), 1)
		case "message":
			var frame string
			_ = json.Unmarshal(l.Payload, &frame)
			if frame == "" {
				result(out, l.ID, []byte(`null`))
				continue
			}
			asked = l.ID
			say(frame)
		case "reply":
			result(out, asked, []byte(strings.TrimSpace(string(raw))))
		case "state":
			switch last {
			case "":
			case "exit":
				return
			default:
				if last, ends := strings.CutSuffix(last, " exit"); ends {
					say(last)
					return
				}
				say(last)
				say(last) // nobody has asked for another
			}
		}
	}
}

func text(n int) string { return `"` + strings.Repeat("x", n) + `"` }

// shelf is where states go.
type shelf struct {
	mu   sync.Mutex
	all  []string
	fail error
}

func (s *shelf) save(_ context.Context, data json.RawMessage) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return 0, s.fail
	}
	s.all = append(s.all, string(data))
	return uint64(len(s.all)), nil
}

func (s *shelf) has() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.all, " ")
}

func (s *shelf) breaks(err error) {
	s.mu.Lock()
	s.fail = err
	s.mu.Unlock()
}

// keeper starts a worker with a state, and waits until it has said that it is stateful.
func keeper(t *testing.T, mode string, opt exec.Options) *exec.Process {
	t.Helper()
	spec := self(t, mode)
	spec.Config = []byte(`{"wait_ready":true}`)
	return start(t, spec, opt)
}

func TestAWorkerSavesAndIsAskedAtItsEnd(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	p := keeper(t, "keeper", exec.Options{Save: s.save, State: agent.State{Version: 4, Data: []byte(`{"n":1}`)}})
	for frame, want := range map[string]string{
		`{"type":"save","id":"s","payload":[1]}`:                         `"version":`,
		`{"type":"save","id":"s"}`:                                       `"version":`,
		`{"type":"save","id":"s","payload":` + text(exec.MaxState) + `}`: `payload_too_large`,
	} {
		quoted, _ := json.Marshal(frame)
		if got := ask(t, p, string(quoted)); !strings.Contains(got, want) || !strings.Contains(got, `"type":"reply","id":"s"`) {
			t.Errorf("%.60s: %.200s", frame, got)
		}
	}
	s.breaks(api.Errorf(api.Overloaded, "full"))
	if got := ask(t, p, `"{\"type\":\"save\",\"id\":\"s\"}"`); !strings.Contains(got, `"error":{"code":"overloaded"`) {
		t.Errorf("%s", got)
	}
	s.breaks(nil)
	if err := p.Stop(t.Context()); err != nil || p.Err() != nil {
		t.Errorf("%v, %v", err, p.Err())
	}
	if got := s.has(); !strings.HasSuffix(got, ` {"was":{"version":4,"data":{"n":1}}}`) || strings.Count(got, "was") != 1 {
		t.Errorf("%s", got)
	}
}

func TestNoStateAtTheEnd(t *testing.T) {
	for mode, want := range map[string]string{
		"nothing": "", "unable": "out of paper", "silent": "was not saved within", "dying": "ended before", "large": "at most",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := &shelf{}
			grace := time.Minute // the answer counts, however late the worker is given a processor
			if mode == "silent" {
				grace = time.Second
			}
			p := keeper(t, mode, exec.Options{Save: s.save, Grace: grace})
			err := p.Stop(t.Context())
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) || s.has() != "" {
				t.Errorf("%v, saved %q", err, s.has())
			}
		})
	}
}

// A worker may end as soon as it has told its state.
func TestAWorkerThatTellsItsStateAndEnds(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	pid := make(chan int, 1)
	p := keeper(t, "parting", exec.Options{Grace: time.Minute, Save: func(ctx context.Context, data json.RawMessage) (uint64, error) {
		dead := <-pid
		eventually(t, "it has ended", func() bool { return !alive(dead) })
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return s.save(ctx, data)
	}})
	pid <- p.PID()
	if err := p.Stop(t.Context()); err != nil || s.has() != `"farewell"` {
		t.Errorf("%v, saved %q", err, s.has())
	}
}

// A worker that has not said that it is stateful gets no frame that it might not know, nor does one on a host without states.
func TestOnlyTheStatefulAreAsked(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	opt, log := logged()
	opt.Save = s.save
	p := start(t, shell(`while IFS= read -r line; do echo "$line" >&2; done`), opt)
	eventually(t, "the init frame is in the log", func() bool { return log.has(`\"state\":{\"version\":0}`) })
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if log.has(`{\"type\":\"state\"}`) || !log.has(`{\"type\":\"stop\"}`) {
		t.Errorf("%s", log)
	}

	p = keeper(t, "keeper", exec.Options{})
	if got := ask(t, p, `"{\"type\":\"save\",\"id\":\"s\"}"`); !strings.Contains(got, "unimplemented") {
		t.Errorf("%s", got)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAWorkerThatCanSaveNoMoreEnds(t *testing.T) {
	t.Parallel()
	for _, stop := range []error{
		api.Errorf(api.Fenced, "elsewhere").WithReason(api.ReasonStaleState), api.Errorf(api.FailedPrecondition, "something was missed"),
	} {
		s := &shelf{fail: stop}
		p := keeper(t, "keeper", exec.Options{Save: s.save})
		if got := ask(t, p, `"{\"type\":\"save\",\"id\":\"s\"}"`); !strings.Contains(got, string(api.CodeOf(stop))) {
			t.Errorf("%s", got)
		}
		await(t, p)
		if p.Err() != stop { //nolint:errorlint // it is passed on as it is
			t.Errorf("it ended with %v, want %v", p.Err(), stop)
		}
		if err := p.Stop(t.Context()); err != nil || s.has() != "" {
			t.Errorf("%v, saved %q", err, s.has())
		}
	}
}

// Saves are stored one after the other, in the order in which they were written, and not too many of them wait.
func TestSavesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []string
	hold := make(chan struct{})
	p := keeper(t, "keeper", exec.Options{Save: func(ctx context.Context, data json.RawMessage) (uint64, error) {
		select {
		case <-hold:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, string(data))
		return uint64(len(got)), nil
	}})
	var frames []string
	for n := range 30 { // one is being stored, 16 wait
		frames = append(frames, fmt.Sprintf(`{"type":"save","id":"s%d","payload":%d}`, n, n))
	}
	quoted, _ := json.Marshal(strings.Join(frames, "\n"))
	answer := ask(t, p, string(quoted))
	if !strings.Contains(answer, "overloaded") {
		t.Errorf("%s", answer)
	}
	close(hold)
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if n := len(got); n < 17 || n > 18 || got[0] != "0" || got[15] != "15" || !strings.Contains(got[n-1], "was") {
		t.Errorf("%v", got)
	}
}

func TestAStateThatIsTooLargeForALine(t *testing.T) {
	t.Parallel()
	spec := self(t, "keeper")
	_, err := exec.Start(t.Context(), spec, exec.Options{
		Save: (&shelf{}).save, State: agent.State{Version: 1, Data: []byte(text(2000))}, MaxLine: 1000,
	})
	wantError(t, err, api.FailedPrecondition, api.ReasonStartFailed, false)
}
