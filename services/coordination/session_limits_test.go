package coordination_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// inArchive waits until sessions have left the state for the archive.
func (h *hall) inArchive(t testing.TB, ids ...string) {
	t.Helper()
	for _, id := range ids {
		natstest.Eventually(t, patience, func() bool {
			_, err := h.stream(t).GetLastMsgForSubject(until(t), "mabus.archive.session."+id)
			return err == nil
		}, "session %s is archived", id)
	}
}

func (h *hall) stream(t testing.TB) jetstream.Stream {
	t.Helper()
	s, err := h.conn.JS.Stream(until(t), api.Bucket("mabus", "archive"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pages lists sessions a few at a time, and returns how often each came.
func (h *hall) pages(t testing.TB, r api.SessionsListRequest) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for {
		p := must(t, h.conn, api.SessionsList, r)
		for i := range p.Sessions {
			seen[p.Sessions[i].ID]++
		}
		if r.After = p.Next; r.After == "" {
			return seen
		}
	}
}

// A live session whose id is a number is a place among the live ones, and not in the archive.
func TestListGoesOnAfterANumber(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.member(t, "a", always("yes"))
	h.register(t, "mute")
	var ended []string
	for i := range 4 {
		r := vote("a")
		r.ID = fmt.Sprintf("old%d", i)
		h.hold(t, r)
		ended = append(ended, r.ID)
	}
	h.inArchive(t, ended...)
	for _, id := range []string{"1", "2", "3"} {
		r := vote("mute")
		r.ID, r.Timeout = id, api.Duration(time.Minute)
		h.seat(t, "mute", always(nil))
		h.open(t, r)
	}
	natstest.Eventually(t, patience, func() bool { // they are in the archive alone
		return len(must(t, h.conn, api.SessionsList, api.SessionsListRequest{After: "0", Limit: 10, State: api.SessionActive}).Sessions) == 3
	}, "three are active")
	seen := h.pages(t, api.SessionsListRequest{All: true, Limit: 2})
	for _, id := range append(ended, "1", "2", "3") {
		if seen[id] == 0 {
			t.Errorf("%s is missing: %v", id, seen)
		}
	}
}

// A long session of which the archive has lost the beginning, as the oldest messages go first, is gone, and hides no other.
func TestAHalfLostSessionIsGone(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	var ids []string
	for i := range 10 {
		ids = append(ids, fmt.Sprintf("m%d", i))
	}
	h.members(t, always(map[string]string{"long": strings.Repeat("x", 60<<10)}), ids...)
	r := api.SessionStartRequest{ID: "long", Type: api.SessionAnnouncement, Members: ids}
	h.hold(t, r)
	short := vote(ids[0])
	short.ID, short.Type = "short", api.SessionAnnouncement
	h.hold(t, short)
	h.inArchive(t, "long", "short")
	if err := h.stream(t).Purge(until(t), jetstream.WithPurgeSubject("mabus.archive.session.long.1")); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		_, err := h.Sessions.Get(until(t), "long")
		return api.CodeOf(err) == api.NotFound
	}, "it is not found any more")
	if seen := h.pages(t, api.SessionsListRequest{All: true}); seen["short"] != 1 || seen["long"] != 0 {
		t.Errorf("got %v", seen)
	}
}

// A page ends before its answer is too large.
func TestPagesOfLongSessions(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.register(t, "a")
	h.seat(t, "a", always(nil))
	question := json.RawMessage(`"` + strings.Repeat("q", 60<<10) + `"`)
	const n = 120
	for i := range n {
		h.open(t, api.SessionStartRequest{ID: fmt.Sprintf("s%03d", i), Type: api.SessionVoting, Members: []string{"a"}, Question: question, Timeout: api.Duration(time.Minute)})
	}
	if p := must(t, h.conn, api.SessionsList, api.SessionsListRequest{Limit: api.MaxPage}); len(p.Sessions) >= n || p.Next == "" {
		t.Errorf("a page has %d sessions of 60 KiB, and then %q", len(p.Sessions), p.Next)
	}
	if seen := h.pages(t, api.SessionsListRequest{Limit: api.MaxPage}); len(seen) != n {
		t.Errorf("listed %d of %d", len(seen), n)
	}
}

// Members that take a question without a word do not hold up what is to be said of others.
func TestTheMuteHoldUpNobody(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	var ids []string
	for i := range 10 {
		id := fmt.Sprintf("mute%d", i)
		sub, err := h.desk.NC.SubscribeSync(api.AgentSubject("mabus", id))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sub.Unsubscribe() })
		ids = append(ids, id)
	}
	if err := h.desk.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	ids = append(ids, "nobody")
	h.register(t, ids...)
	r := vote(ids...)
	r.ID, r.Timeout = "s", api.Duration(time.Minute)
	begun := time.Now()
	h.open(t, r)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for step, err := range h.Sessions.Follow(ctx, "s") {
		if err != nil {
			t.Fatal(err)
		}
		if step.What == "failed" && step.Member == "nobody" {
			break
		}
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("that nobody is there was known after %s", took)
	}
}

// A cancelled session is told in full, and repeated so.
func TestCancelTellsTheSession(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.register(t, "a")
	h.seat(t, "a", always(nil))
	r := vote("a")
	r.ID, r.Timeout = "s", api.Duration(time.Minute)
	h.open(t, r)
	ctx := rpc.WithRequestID(until(t), "once")
	for range 2 {
		x, err := rpc.Call(ctx, h.conn, api.SessionsCancel, &api.SessionCancelRequest{ID: "s", Reason: "enough"})
		if err != nil || x.State != api.SessionCancelled || x.Reason != "cancelled: enough" || len(x.Rounds) != 1 || x.Revision == "" {
			t.Fatalf("got %+v, %v", x, err)
		}
	}
}

// A repeated request finds its own answers for each variable, whatever else is registered meanwhile.
func TestCoordinateAllRepeatedCoordinatesTheNew(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.member(t, "a", always("yes"))
	add := func(name string) {
		must(t, h.conn, api.VariablesRegister, api.VariableSpec{Name: name, Agents: []string{"a"}, Protocol: &api.VariableProtocol{Type: api.SessionVoting}})
	}
	add("m")
	add("n")
	ctx := rpc.WithRequestID(until(t), "all")
	r := &api.CoordinateAllRequest{Wait: api.Duration(patience / 2)}
	if _, err := rpc.Call(ctx, h.conn, api.VariablesCoordinateAll, r); err != nil {
		t.Fatal(err)
	}
	add("b")
	again, err := rpc.Call(ctx, h.conn, api.VariablesCoordinateAll, r)
	if err != nil || len(again.Results) != 3 {
		t.Fatalf("%+v, %v", again, err)
	}
	for _, one := range again.Results {
		if one.Error != nil || one.Coordination.Variable != one.Variable {
			t.Errorf("%s: %+v %v", one.Variable, one.Coordination, one.Error)
		}
	}
}

// More variables than are coordinated at a time all begin at once, also when the agents of the first do not answer.
func TestCoordinateAllBeginsAll(t *testing.T) {
	t.Parallel()
	h := newHallAt(t, natstest.Start(t).URL(), 1, coordination.Config{})
	h.register(t, "a")
	h.seat(t, "a", always(nil))
	const n = 130 // three times those that are begun at a time
	for i := range n {
		must(t, h.conn, api.VariablesRegister, api.VariableSpec{
			Name: fmt.Sprintf("v%03d", i), Agents: []string{"a"}, Protocol: &api.VariableProtocol{Type: api.SessionVoting, Timeout: api.Duration(time.Minute)},
		})
	}
	begun := time.Now()
	resp := must(t, h.conn, api.VariablesCoordinateAll, api.CoordinateAllRequest{Wait: api.Duration(8 * time.Second)})
	if took := time.Since(begun); took > 16*time.Second {
		t.Errorf("to wait for 8s has taken %s", took)
	}
	for _, one := range resp.Results {
		if one.Error != nil || one.Coordination.State != api.CoordinationDeciding {
			t.Errorf("%+v", one)
		}
	}
	s, err := h.Sessions.Stats(until(t))
	if err != nil || s.Active != n {
		t.Errorf("%+v, %v", s, err)
	}
	for i := range n { // so the world ends without waiting for them
		if v := must(t, h.conn, api.VariablesGet, api.NameRequest{Name: fmt.Sprintf("v%03d", i)}); v.Pending == "" {
			t.Errorf("%s waits for nothing", v.Name)
		}
	}
}

// Who follows a variable from before its first change waits, and does not ask again and again.
func TestFollowFromTheBeginningWaits(t *testing.T) {
	h := newHall(t, 1)
	must(t, h.conn, api.VariablesRegister, api.VariableSpec{Name: "v", Value: json.RawMessage("1")})
	heard, err := h.desk.NC.SubscribeSync(api.As("mabus", "tester", api.VariablesFollow.Subject("mabus")))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.desk.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for c, err := range h.Variables.Follow(ctx, "v", 0) {
		if err == nil {
			t.Errorf("got %+v", c)
		}
	}
	if n, _, err := heard.Pending(); err != nil || n == 0 || n > 10 {
		t.Errorf("it asked %d times in a second: %v", n, err)
	}
}

// A repeated start looks at the record of the session, which is everybody's, and leaves it as it is.
func TestRepeatedStartsReadOnly(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.register(t, "a")
	h.seat(t, "a", always(nil))
	r := vote("a")
	r.ID, r.Timeout = "s", api.Duration(time.Minute)
	h.open(t, r)
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for range 25 {
				_, _ = h.Sessions.Start(t.Context(), r)
				_, _ = h.Sessions.Get(t.Context(), "s")
			}
		})
	}
	work.Wait()
}

// Whatever a member says instead of taking a question, the session hears that it has none, and is asked no more.
func TestWordyRefusalsAreHeard(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.register(t, "long", "odd")
	for id, text := range map[string]string{"long": `{"code":"unavailable","message":"` + strings.Repeat("x", 600<<10) + `"}`, "odd": "\xff"} {
		sub, err := h.desk.NC.Subscribe(api.AgentSubject("mabus", id), func(msg *nats.Msg) {
			answer := nats.NewMsg(msg.Reply)
			answer.Header.Set(api.HeaderErrorCode, string(api.Unavailable))
			answer.Header.Set(api.HeaderError, "not \xff now")
			answer.Data = []byte(text)
			_ = msg.RespondMsg(answer)
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sub.Unsubscribe() })
	}
	if err := h.desk.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	r := vote("long", "odd")
	r.ID, r.Timeout = "s", api.Duration(20*time.Second)
	x := h.hold(t, r)
	for member, a := range asks(x, 1) {
		if a.State != api.AskFailed || a.Error == "" || len(a.Error) > 200 {
			t.Errorf("%s: %s, %.100q of %d bytes", member, a.State, a.Error, len(a.Error))
		}
	}
}
