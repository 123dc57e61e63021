package tools_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/services/coordination/tools"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// run answers by what a step does for a member in an attempt.
func run(t protocoltest.TB, do func(member string, ask api.ToolAsk) (string, bool)) protocoltest.Answer {
	return func(member string, _ *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
		var body api.ToolAsk
		if err := codec.Decode(ask.Ask, &body); err != nil {
			t.Fatalf("the question %s: %v", ask.Ask, err)
		}
		text, ok := do(member, body)
		if text == "" {
			return nil, false
		}
		return json.RawMessage(text), ok
	}
}

func asked(s *api.Session) []string {
	var list []string
	for _, r := range s.Rounds {
		for _, a := range r.Asks {
			var body api.ToolAsk
			_ = codec.Read(a.Ask, &body)
			list = append(list, fmt.Sprintf("%d %s %s", r.Number, a.Member, body.Step))
		}
	}
	return list
}

const diamond = `{"steps":[
	{"id":"join","tool":"write","needs":["left","right"],"args":{"to":"file"}},
	{"id":"left","tool":"read","needs":["top"]},
	{"id":"right","tool":"read","needs":["top"]},
	{"id":"top","tool":"fetch"}]}`

func TestDiamond(t *testing.T) {
	s := protocoltest.Play(t, tools.Orchestration{}, protocoltest.New(api.SessionTools, "", diamond, "a", "b"), run(t, func(_ string, ask api.ToolAsk) (string, bool) {
		in, err := codec.Marshal(ask.Inputs)
		if err != nil {
			t.Error(err)
		}
		if ask.Step == "join" && string(ask.Args) != `{"to":"file"}` {
			t.Errorf("the arguments are %s", ask.Args)
		}
		return `{"output":{"of":"` + ask.Step + `","from":` + string(in) + `}}`, true
	}), nil)
	var r api.ToolsResult
	protocoltest.Result(t, s, &r)
	if want := []string{"1 a top", "2 b left", "2 a right", "3 b join"}; !slices.Equal(asked(s), want) {
		t.Errorf("asked %q, want %q", asked(s), want)
	}
	if want := []string{"top", "left", "right", "join"}; !slices.Equal(r.Order, want) {
		t.Errorf("order %q, want %q", r.Order, want)
	}
	want := `{"of":"join","from":{"left":{"of":"left","from":{"top":{"of":"top","from":{}}}},"right":{"of":"right","from":{"top":{"of":"top","from":{}}}}}}`
	if string(r.Outputs["join"]) != want {
		t.Errorf("got %s", r.Outputs["join"])
	}
}

// Three attempts are the reference's policy, each by another member as long as there is one.
func TestRetries(t *testing.T) {
	params := `{"steps":[{"id":"s","tool":"x"}]}`
	for fails, want := range map[int]string{
		0: "1 a s", 1: "1 a s,2 b s", 2: "1 a s,2 b s,3 a s", 3: "1 a s,2 b s,3 a s",
	} {
		s := protocoltest.Play(t, tools.Orchestration{}, protocoltest.New(api.SessionTools, "", params, "a", "b"), run(t, func(_ string, ask api.ToolAsk) (string, bool) {
			switch {
			case ask.Attempt > fails:
				return `1`, true
			case ask.Attempt == 2:
				return `{"error":"no such file"}`, true
			}
			return `broken`, false
		}), nil)
		if got := strings.Join(asked(s), ","); got != want {
			t.Errorf("%d failures: asked %s, want %s", fails, got, want)
		}
		if failed := s.State == api.SessionFailed; failed != (fails == 3) {
			t.Errorf("%d failures: %s %s", fails, s.State, s.Reason)
		}
		if fails == 3 && s.Reason != "step_failed: step s failed after 3 attempts: failed: broken" {
			t.Errorf("reason %q", s.Reason)
		}
	}
}

func TestOptionalStep(t *testing.T) {
	params := `{"steps":[{"id":"a","tool":"x","retries":0,"optional":true},{"id":"b","tool":"x"},{"id":"c","tool":"x","needs":["a","b"]}]}`
	s := protocoltest.Play(t, tools.Orchestration{}, protocoltest.New(api.SessionTools, "", params, "m", "n"), run(t, func(_ string, ask api.ToolAsk) (string, bool) {
		if ask.Step == "c" && (!slices.Equal(ask.Missing, []string{"a"}) || string(ask.Inputs["b"]) != `"done"`) {
			t.Errorf("c gets %+v", ask)
		}
		if ask.Step == "a" {
			return "", false
		}
		return `"done"`, true
	}), nil)
	var r api.ToolsResult
	protocoltest.Result(t, s, &r)
	if len(r.Outputs) != 2 || r.Steps[0].State != "failed" || r.Steps[0].Error != "no answer in time" || r.Steps[2].State != "done" {
		t.Errorf("%+v", r)
	}
}

func TestWhoHasTheTool(t *testing.T) {
	steps := `"steps":[{"id":"s1","tool":"read"},{"id":"s2","tool":"read"},{"id":"s3","tool":"write"}]`
	cases := []struct {
		name, params, b string
		want            []string
	}{
		{"everyone", `{` + steps + `}`, "", []string{"1 a s1", "1 b s2", "2 a s3"}},
		{"by parameters", `{` + steps + `,"tools":{"a":["read"],"b":["write"]}}`, "read", []string{"1 a s1", "1 b s3", "2 a s2"}},
		{"by capabilities, and who has none may do the rest", `{` + steps + `}`, "sing,read", []string{"1 b s1", "1 a s3", "2 b s2"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := protocoltest.New(api.SessionTools, "", c.params, "a", "b")
			s.Members[1].Attributes = map[string]string{"capabilities": c.b}
			s = protocoltest.Play(t, tools.Orchestration{}, s, run(t, func(string, api.ToolAsk) (string, bool) { return `1`, true }), nil)
			if !slices.Equal(asked(s), c.want) {
				t.Errorf("asked %q, want %q", asked(s), c.want)
			}
		})
	}
}

func TestTimeoutsOfSteps(t *testing.T) {
	params := `{"steps":[{"id":"a","tool":"x","timeout":"3s"},{"id":"b","tool":"x","timeout":"1s"},{"id":"c","tool":"x","needs":["b"]}]}`
	s := protocoltest.Play(t, tools.Orchestration{}, protocoltest.New(api.SessionTools, "", params, "m", "n"), run(t, func(string, api.ToolAsk) (string, bool) { return `1`, true }), nil)
	for i, want := range []time.Duration{3 * time.Second, 15 * time.Minute} {
		if got := s.Rounds[i].Deadline.Sub(s.Rounds[i].AskedAt); got != want {
			t.Errorf("round %d has %v, want %v", i+1, got, want)
		}
	}
}

// Reference, section 2: 1 to 10 participants, 900 000 ms, normal priority.
func TestBoundsOfTheReference(t *testing.T) {
	params := json.RawMessage(`{"steps":[{"id":"s","tool":"x"}]}`)
	for n, want := range map[int]string{0: api.ReasonEmptyAgentPool, 1: "", 10: "", 11: api.ReasonManyParticipants} {
		set, err := tools.Orchestration{}.Check(&api.Session{Params: params, Members: make([]api.SessionMember, n)})
		if api.ReasonOf(err) != want {
			t.Errorf("%d members: got %v, want reason %q", n, err, want)
		}
		if err == nil && (set.Timeout != 900*time.Second || set.Priority != api.PriorityLow || string(set.Params) != `{"steps":[{"id":"s","tool":"x","retries":2}]}`) {
			t.Errorf("the settings are %+v %s", set, set.Params)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	for params, says := range map[string]string{
		``:             "steps must be",
		`{"steps":[]}`: "steps must be",
		`{"steps":[{"id":"a","tool":"x","needs":["a"]}]}`:                                                           "a need one another",
		`{"steps":[{"id":"a","tool":"x","needs":["b"]},{"id":"b","tool":"x","needs":["a"]},{"id":"c","tool":"x"}]}`: "a, b need one another",
		`{"steps":[{"id":"a","tool":"x","needs":["z"]}]}`:                                                           "no step",
		`{"steps":[{"id":"a","tool":"x"},{"id":"b","tool":"x","needs":["a","a"]}]}`:                                 "twice",
		`{"steps":[{"id":"a","tool":"x"},{"id":"a","tool":"x"}]}`:                                                   "its own",
		`{"steps":[{"id":"a b","tool":"x"}]}`:                                                                       "the id",
		`{"steps":[{"id":"a"}]}`:                                                                                    "name its tool",
		`{"steps":[{"id":"a","tool":"x","retries":10}]}`:                                                            "retries",
		`{"steps":[{"id":"a","tool":"x","timeout":"-1s"}]}`:                                                         "timeout",
		`{"steps":[{"id":"a","tool":"x"}],"tools":{"n":["x"]}}`:                                                     "no member",
		`{"steps":[{"id":"a","tool":"x"}],"tools":{"m":["y"]}}`:                                                     "no member has the tool",
		`{"steps":[{"id":"a","tool":"x","need":[]}]}`:                                                               "need",
	} {
		_, err := tools.Orchestration{}.Check(protocoltest.New(api.SessionTools, "", params, "m"))
		if api.ReasonOf(err) != api.ReasonConfiguration || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", params, err, says)
		}
	}
}

func TestOutputsThatDoNotFit(t *testing.T) {
	var steps []string
	for i := range 5 {
		steps = append(steps, fmt.Sprintf(`{"id":"s%d","tool":"x"}`, i))
	}
	long := `"` + strings.Repeat("x", 60<<10) + `"`
	s := protocoltest.Play(t, tools.Orchestration{}, protocoltest.New(api.SessionTools, "", `{"steps":[`+strings.Join(steps, ",")+`]}`, "m"),
		run(t, func(_ string, ask api.ToolAsk) (string, bool) {
			if ask.Step == "s4" {
				return `1`, true
			}
			return long, true
		}), nil)
	var r api.ToolsResult
	protocoltest.Result(t, s, &r)
	if !slices.Equal(r.LeftOut, []string{"s2", "s3"}) || len(r.Outputs) != 3 || string(r.Outputs["s4"]) != `1` {
		t.Errorf("left out: %v", r.LeftOut)
	}
}

// For any graph and any failures: no step is asked before what it needs has ended, nor more often than it may, nor after it is done; the
// order of answers changes nothing.
func TestAnyGraphAnyFailures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := api.ToolsParams{}
		for i := range rapid.IntRange(1, 8).Draw(t, "steps") {
			retries := rapid.IntRange(0, 3).Draw(t, "retries")
			step := api.ToolStep{ID: fmt.Sprint(i), Tool: "x", Retries: &retries, Optional: rapid.Bool().Draw(t, "optional")}
			for j := range i {
				if rapid.IntRange(0, 3).Draw(t, "needs") == 0 {
					step.Needs = append(step.Needs, fmt.Sprint(j))
				}
			}
			p.Steps = append(p.Steps, step)
		}
		at := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "shuffle"), 1))
		at.Shuffle(len(p.Steps), func(i, j int) { p.Steps[i], p.Steps[j] = p.Steps[j], p.Steps[i] })
		params, err := codec.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		members := []string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "members")]
		fails := rapid.Uint64().Draw(t, "fails")
		play := func(order protocoltest.Order) *api.Session {
			return protocoltest.Play(t, tools.Orchestration{}, protocoltest.New(api.SessionTools, "", string(params), members...), run(t, func(m string, ask api.ToolAsk) (string, bool) {
				g := rand.New(rand.NewPCG(fails, uint64(ask.Step[0])<<8|uint64(ask.Attempt)))
				return []string{`1`, `{"error":"e"}`, `x`, ""}[max(0, g.IntN(6)-2)], g.IntN(6) > 4 || fails%2 == 0
			}), order)
		}
		one, two := play(nil), play(at.IntN)
		if string(one.Result) != string(two.Result) || one.Reason != two.Reason {
			t.Fatalf("another order, another end:\n%s %s\n%s %s", one.Result, one.Reason, two.Result, two.Reason)
		}
		verify(t, p.Steps, one)
	})
}

func verify(t *rapid.T, steps []api.ToolStep, s *api.Session) {
	by := map[string]api.ToolStep{}
	for _, step := range steps {
		by[step.ID] = step
	}
	done, attempts, tried := map[string]bool{}, map[string]int{}, map[string]map[string]bool{}
	for _, r := range s.Rounds {
		now := map[string]bool{}
		for _, a := range r.Asks {
			var body api.ToolAsk
			if err := codec.Read(a.Ask, &body); err != nil {
				t.Fatal(err)
			}
			for _, need := range by[body.Step].Needs {
				if !done[need] && (!by[need].Optional || attempts[need] <= *by[need].Retries) {
					t.Fatalf("%s is asked in round %d before %s has ended", body.Step, r.Number, need)
				}
			}
			if tried[body.Step] == nil || len(tried[body.Step]) == len(s.Members) {
				tried[body.Step] = map[string]bool{}
			}
			if tried[body.Step][a.Member] && attempts[body.Step] < len(s.Members) {
				t.Fatalf("%s tries %s again, though others have not", a.Member, body.Step)
			}
			tried[body.Step][a.Member] = true
			attempts[body.Step]++
			if done[body.Step] || attempts[body.Step] > *by[body.Step].Retries+1 || attempts[body.Step] != body.Attempt {
				t.Fatalf("%s is asked once too often in round %d", body.Step, r.Number)
			}
			now[body.Step] = a.State == api.AskAnswered && string(a.Answer) == `1`
		}
		for id, ok := range now {
			done[id] = ok
		}
	}
	for _, step := range steps {
		if s.State == api.SessionCompleted && !done[step.ID] && !step.Optional {
			t.Fatalf("%s is not done", step.ID)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"output":1}`), []byte(diamond))
	f.Add([]byte(`{"error":"x"}`), []byte(`{"steps":[{"id":"a","tool":"x","optional":true}]}`))
	f.Fuzz(func(t *testing.T, answer, params []byte) {
		s := protocoltest.New(api.SessionTools, "", string(params), "a", "b")
		if _, err := (tools.Orchestration{}).Check(s); err != nil {
			return
		}
		protocoltest.Play(t, tools.Orchestration{}, s, func(string, *api.SessionRound, *api.SessionAsk) (json.RawMessage, bool) { return answer, true }, nil)
	})
}
