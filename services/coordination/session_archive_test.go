package coordination_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

var quiet = coordination.Config{}

// archived waits until a session is in the archive, and no longer in what the replicas hold.
func (h *hall) archived(t testing.TB, id string) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		page, err := h.page(t, api.SessionsListRequest{All: true, After: "archive/", Limit: api.MaxPage}) // without what is held
		return err == nil && slices.ContainsFunc(page.Sessions, func(x api.Session) bool { return x.ID == id })
	}, "session %s is in the archive alone", id)
}

func (h *hall) page(t testing.TB, r api.SessionsListRequest) (*api.SessionsListResponse, error) {
	t.Helper()
	return call(t, h.conn, api.SessionsList, r)
}

// An ended session is read from the archive for ever, by a replica that has just begun, as it was, and its id stays used.
func TestArchivedSessions(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.members(t, always("yes"), "a", "b")
	r := vote("a", "b")
	r.ID = "s1"
	x := h.hold(t, r)
	steps, err := h.Sessions.Steps(until(t), x.ID)
	if err != nil {
		t.Fatal(err)
	}
	h.archived(t, x.ID)
	h.stops[0]()
	h.replica(t, quiet)
	got := h.verify(t, x.ID)
	x.Revision, got.Revision = "", ""
	if want, have := text(t, x), text(t, got); want != have {
		t.Errorf("got  %s\nwant %s", have, want)
	}
	if after, err := h.Sessions.Steps(until(t), x.ID); err != nil || text(t, after) != text(t, steps) {
		t.Errorf("got %+v, %v, want %+v", after, err, steps)
	}
	if again := h.open(t, r); again.Head != x.Head || again.State != api.SessionCompleted {
		t.Errorf("started again: %+v", again)
	}
	if again := h.hold(t, r); again.Head != x.Head {
		t.Errorf("held again: %+v", again)
	}
	r.Members = []string{"a"}
	_, err = h.Sessions.Start(until(t), r)
	wantError(t, err, api.Conflict, api.ReasonSessionExists)
	page := must(t, h.conn, api.SessionsFollow, api.SessionFollowRequest{ID: x.ID, After: len(steps), Wait: api.Duration(patience)})
	if page.Session == nil || len(page.Steps) != 0 || page.Next != len(steps) {
		t.Errorf("%+v", page)
	}
	if s, err := h.Sessions.Stats(until(t)); err != nil || s.Total != 1 || s.Active != 0 || s.Types[0].Completed != 1 || s.Types[0].Answered != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

// While the archive cannot be read, nobody is told that a session is not there: it may be in it.
func TestTheArchiveIsAway(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	a := h.member(t, "a", always("yes"))
	x := h.hold(t, vote("a"))
	h.archived(t, x.ID)
	if err := h.conn.JS.DeleteStream(until(t), api.Bucket(h.conn.Namespace, "archive")); err != nil {
		t.Fatal(err)
	}
	_, err := a.answer(until(t), x.ID, 1, "yes")
	wantError(t, err, api.Unavailable, api.ReasonDependencyDown)
	refused(t, h.conn, api.SessionsCancel, api.SessionCancelRequest{ID: x.ID}, api.Unavailable, api.ReasonDependencyDown)
	refused(t, h.conn, api.SessionsGet, api.SessionGetRequest{ID: x.ID}, api.Unavailable, api.ReasonDependencyDown)
}

func text(t testing.TB, v any) string {
	t.Helper()
	body, err := codec.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// shout is an announcement whose members answer at length: so many bytes each.
func (h *hall) shout(t testing.TB, id string, members, bytes int) *api.Session {
	t.Helper()
	var ids []string
	for i := range members {
		ids = append(ids, fmt.Sprintf("%s%d", id, i))
	}
	h.members(t, func(id string, _ *api.SessionQuestion) any { return id + strings.Repeat("!", bytes) }, ids...)
	return h.hold(t, api.SessionStartRequest{ID: id, Type: api.SessionAnnouncement, Members: ids, Question: json.RawMessage(`"hear"`), Timeout: api.Duration(4 * patience)})
}

// A transcript of several MiB is archived in parts, and read back as it was.
func TestALongTranscript(t *testing.T) {
	h := newHall(t, 1)
	x := h.shout(t, "long", 60, 60_000)
	if x.State != api.SessionCompleted || x.Stats.Bytes < 3<<20 || x.Stats.Answered != 60 {
		t.Fatalf("%s %s, %+v", x.State, x.Reason, x.Stats)
	}
	h.archived(t, x.ID)
	stream, err := h.conn.JS.Stream(t.Context(), "mabus_archive")
	if err != nil {
		t.Fatal(err)
	}
	first, err := stream.GetLastMsgForSubject(t.Context(), "mabus.archive.session.long")
	if err != nil || first.Header.Get("Mabus-Parts") != "7" {
		t.Errorf("it is in %v parts, %v", first.Header, err)
	}
	h.stops[0]()
	h.replica(t, quiet)
	got := h.verify(t, x.ID)
	if got.Head != x.Head || text(t, got.Rounds) != text(t, x.Rounds) {
		t.Error("it is not as it was")
	}
	list := must(t, h.conn, api.SessionsList, api.SessionsListRequest{All: true})
	if len(list.Sessions) != 1 || list.Sessions[0].ID != "long" || list.Sessions[0].Rounds != nil {
		t.Errorf("listed: %d sessions", len(list.Sessions))
	}
}

// One that grows too long fails, and says so.
func TestATranscriptIsBounded(t *testing.T) {
	h := newHall(t, 1)
	x := h.shout(t, "loud", 150, 60_000)
	if x.State != api.SessionFailed || !strings.HasPrefix(x.Reason, "session_too_large") || x.Stats.Bytes < api.MaxSessionBytes || x.Stats.Bytes > api.MaxSessionBytes+1<<20 {
		t.Errorf("%s %s, %+v", x.State, x.Reason, x.Stats)
	}
	h.verify(t, x.ID)
}

// A list has each session once: those that are held, and then the archived, the latest first.
func TestListPages(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.members(t, always("yes"), "a", "b")
	h.member(t, "mute", always(nil))
	const ended, live = 12, 7
	for i := range ended {
		r := vote([]string{"a", "b"}[i%2])
		r.ID = fmt.Sprintf("e%02d", i)
		if i%3 == 0 {
			r.Type = api.SessionVoting
		}
		h.hold(t, r)
		h.archived(t, r.ID) // before the next, which could otherwise be there first
	}
	for i := range live {
		r := vote("mute", "a")
		r.ID, r.Timeout = fmt.Sprintf("l%d", i), api.Duration(time.Minute)
		h.open(t, r)
	}
	var want []string
	for i := range live {
		want = append(want, fmt.Sprintf("l%d", i))
	}
	active := strings.Join(want, " ")
	for i := ended - 1; i >= 0; i-- {
		want = append(want, fmt.Sprintf("e%02d", i))
	}
	for _, limit := range []int{0, 1, 2, 5, live, live + 1, ended + live, 1000} {
		if got := h.ids(t, api.SessionsListRequest{All: true, Limit: limit}); got != strings.Join(want, " ") {
			t.Errorf("limit %d: %s", limit, got)
		}
		if got := h.ids(t, api.SessionsListRequest{Limit: limit}); got != active {
			t.Errorf("active, limit %d: %s", limit, got)
		}
		if got := h.ids(t, api.SessionsListRequest{State: api.SessionCompleted, Type: api.SessionVoting, Limit: limit}); got != "e09 e06 e03 e00" {
			t.Errorf("voting, limit %d: %s", limit, got)
		}
		if got := h.ids(t, api.SessionsListRequest{All: true, Member: "b", Limit: limit}); got != "e11 e09 e07 e05 e03 e01" {
			t.Errorf("of b, limit %d: %s", limit, got)
		}
	}
	if got := h.ids(t, api.SessionsListRequest{State: api.SessionFailed}); got != "" {
		t.Errorf("failed: %s", got)
	}
	refused(t, h.conn, api.SessionsList, api.SessionsListRequest{All: true, After: "archive/junk"}, api.Invalid, "")
}

// ids lists sessions, page by page.
func (h *hall) ids(t testing.TB, r api.SessionsListRequest) string {
	t.Helper()
	var ids []string
	for x, err := range h.Sessions.List(until(t), r) {
		if err != nil {
			t.Fatal(err)
		}
		if x.Rounds != nil {
			t.Errorf("%s comes with its transcript", x.ID)
		}
		ids = append(ids, x.ID)
	}
	return strings.Join(ids, " ")
}

// Steps come one by one, each once, in their order, and the last ends the stream; and what was promised on the way is kept.
func TestFollow(t *testing.T) {
	t.Parallel()
	h := newHall(t, 3)
	members := h.members(t, always(nil), "a", "b", "c")
	r := vote("a", "b", "c")
	r.Timeout, r.Algorithm = api.Duration(time.Minute), api.BallotUnanimous
	x := h.open(t, r)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	steps := make(chan api.SessionStep, 100)
	over := make(chan error, 1)
	go func() {
		defer close(steps)
		for step, err := range h.Sessions.Follow(ctx, x.ID) {
			if err != nil {
				over <- err
				return
			}
			steps <- step
		}
		over <- nil
	}()
	heads := map[string]int{x.Head: 2} // started, asked
	var seen []api.SessionStep
	next := func(what, member string) {
		t.Helper()
		select {
		case s := <-steps:
			seen = append(seen, s)
			if s.What != what || s.Member != member || s.Number != len(seen) {
				t.Fatalf("step %+v, want %d: %s %s", s, len(seen), what, member)
			}
		case <-ctx.Done():
			t.Fatalf("no step %s %s", what, member)
		}
	}
	next("started", "")
	next("asked", "")
	for _, id := range []string{"b", "a", "c"} {
		members[id].question(t, x.ID)
		receipt, err := members[id].answer(ctx, x.ID, 1, "yes")
		if err != nil {
			t.Fatal(err)
		}
		next("answered", id)
		heads[receipt.Head] = len(seen)
	}
	next("closed", "")
	next("completed", "")
	if err := <-over; err != nil {
		t.Error(err)
	}
	if s, more := <-steps; more {
		t.Errorf("after the end: %+v", s)
	}
	ended := h.verify(t, x.ID)
	heads[ended.Head] = len(seen)
	if len(heads) != 4 { // the last answer's receipt has the head of the end
		t.Errorf("%d heads", len(heads))
	}
	for head, n := range heads { // what was said in a receipt is a part of what was said at the end
		if got := session.HeadAfter(ended, seen, head); got != n {
			t.Errorf("the head after step %d is that after step %d", n, got)
		}
	}
	tampered := *ended
	tampered.Reason = "x"
	if session.Verify(&tampered, seen) == nil {
		t.Error("a changed session passes for the true one")
	}
	swapped := append([]api.SessionStep{}, seen...)
	swapped[2].Member, swapped[3].Member = swapped[3].Member, swapped[2].Member
	if session.Verify(ended, swapped) == nil {
		t.Error("changed steps pass for the true ones")
	}
}
