package upgrade_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// deed is a line of a story: who asks for what.
//
//	ann economics.auctions.bid {"auction":"a"}                  is asked for
//	ann economics.auctions.bid {"auction":"a"} ! not_found      is refused with this code
//	ann economics.auctions.get {"id":"a"} ~ "state":"closed"    is asked for until the answer has this text
//	ann economics.tenders.award {"id":"t"} => award.contract c  is asked for, and what the answer has there is $c from now on
//
// $salt and $commitment/<auction>/<bidder>/<price> are a sealed bid for one.
type deed struct {
	line              int
	as, method, body  string
	refused           api.Code
	until, path, name string
}

// salt is at least so long, and no secret here.
const salt = "not a secret, not at all"

var commitments = regexp.MustCompile(`\$commitment/(\w+)/(\w+)/(\d+)`)

// story reads one of testdata/stories.
func story(t *testing.T, name string) (all []deed) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "stories", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		d := deed{line: n}
		var rest string
		d.as, rest, _ = strings.Cut(line, " ")
		d.method, rest, _ = strings.Cut(rest, " ")
		var code, kept string
		rest, code, _ = strings.Cut(rest, " ! ")
		rest, d.until, _ = strings.Cut(rest, " ~ ")
		d.body, kept, _ = strings.Cut(rest, " => ")
		d.refused = api.Code(code)
		d.path, d.name, _ = strings.Cut(kept, " ")
		all = append(all, d)
	}
	return all
}

// tell has a story happen.
func tell(t *testing.T, conn *rpc.Conn, name string, deeds []deed) {
	t.Helper()
	known := map[string]string{"$salt": salt}
	for _, d := range deeds {
		body := commitments.ReplaceAllStringFunc(d.body, func(s string) string {
			m := commitments.FindStringSubmatch(s)
			price, err := strconv.ParseInt(m[3], 10, 64)
			if err != nil {
				t.Errorf("line %d: %v", d.line, err)
			}
			return mechanism.Commitment(m[1], m[2], api.Micro(price), 1, salt)
		})
		for name, value := range known {
			body = strings.ReplaceAll(body, name, value)
		}
		var answer json.RawMessage
		do := func() (err error) {
			ctx, end := context.WithTimeout(t.Context(), 10*time.Second)
			defer end()
			answer, err = conn.WithPrincipal(d.as).Request(ctx, api.DefaultNamespace+"."+d.method, []byte(body), true)
			return err
		}
		err := do()
		for begin := time.Now(); !d.done(answer, err) && (d.until != "" || d.refused != "") && time.Since(begin) < patience; err = do() {
			rest(t.Context(), 20*time.Millisecond)
		}
		if !d.done(answer, err) {
			t.Errorf("%s, line %d: %s %s as %s: %s, %v", name, d.line, d.method, body, d.as, answer, err)
			continue
		}
		if d.name != "" {
			known["$"+d.name] = at(t, answer, d.path)
		}
	}
}

// done tells whether a deed has come to what the story says.
func (d *deed) done(answer json.RawMessage, err error) bool {
	if d.refused != "" {
		return api.CodeOf(err) == d.refused
	}
	return err == nil && strings.Contains(string(answer), d.until)
}

// at is what an answer has at a path, as text.
func at(t *testing.T, answer json.RawMessage, path string) string {
	t.Helper()
	var v any
	if err := codec.Read(answer, &v); err != nil {
		t.Error(err)
	}
	for _, name := range strings.Split(path, ".") {
		object, ok := v.(map[string]any)
		if !ok {
			t.Errorf("%s has no %s", answer, path)
			return ""
		}
		v = object[name]
	}
	return fmt.Sprint(v)
}

// The stories are still what this tree's services make of them, so that the next version can be frozen.
func TestStories(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	serve(t, srv.URL())
	l := newLoad(t, srv.URL(), "", nil)
	l.cast()
	l.tell()
	for _, r := range readingsOfStories() {
		l.ask(t, r)
	}
	applied := map[string]bool{}
	all, _, _ := logs(t, l.as["operator"].Conn())
	for log, happened := range all {
		note(applied, log, happened)
	}
	demand(t, applied, "let a story have it")
}

// cast has the agents come up that stories and tasks need.
func (l *load) cast() {
	for n := range 4 {
		l.launch(api.AgentSpec{ID: fmt.Sprintf("voter%d", n), Command: []string{"sh", "-c", voter}})
	}
	l.launch(api.AgentSpec{ID: "echo", Module: "echo", Capabilities: []string{"echo", api.OwnCapability("echo")}})
	for _, id := range append([]string{"nobody"}, seats...) {
		if _, err := l.as["operator"].Agents.Register(l.t.Context(), api.AgentSpec{ID: id, Type: "seat", Runtime: api.RuntimeExternal}); err != nil {
			l.t.Fatal(err)
		}
	}
}

// launch starts an agent.
func (l *load) launch(spec api.AgentSpec) {
	l.t.Helper()
	natstest.Eventually(l.t, patience, func() bool {
		a, err := l.as["operator"].Agents.Start(l.t.Context(), api.AgentStartRequest{Agent: &spec})
		return err == nil && a.Status == api.AgentRunning
	}, "%s runs", spec.ID)
}

// tell has all stories happen, beside each other.
func (l *load) tell() {
	conn := l.as["operator"].Conn()
	seat(l.t, conn)
	var work sync.WaitGroup
	for _, name := range []string{"economics", "coordination"} {
		deeds := story(l.t, name)
		work.Go(func() { tell(l.t, conn, name, deeds) })
	}
	work.Wait()
}
