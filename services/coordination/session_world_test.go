package coordination_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// hall is where sessions are held: a server, a registry, replicas of the service, and a client who starts them as "tester".
type hall struct {
	url   string
	conn  *rpc.Conn // the tester's
	desk  *rpc.Conn // that agents by hand share
	stops []func()  // of the replicas
	*client.Client
}

func newHall(t testing.TB, replicas int) *hall {
	t.Helper()
	return newHallAt(t, natstest.Start(t).URL(), replicas, coordination.Config{})
}

func newHallAt(t testing.TB, url string, replicas int, cfg coordination.Config) *hall {
	t.Helper()
	h := &hall{url: url, conn: dial(t, url, "tester"), desk: dial(t, url, "")}
	h.Client = client.New(h.conn)
	startRegistry(t, url, cfg.Replicas)
	for range replicas {
		h.replica(t, cfg)
	}
	return h
}

func (h *hall) replica(t testing.TB, cfg coordination.Config) {
	t.Helper()
	_, stop := replica(t, h.url, cfg)
	h.stops = append(h.stops, stop)
}

// startRegistry starts a replica of the registry, where agents are looked up.
func startRegistry(t testing.TB, url string, replicas int) {
	t.Helper()
	s, err := registry.Start(t.Context(), dial(t, url, ""), registry.Config{Replicas: replicas, Timing: steady, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
}

// until returns a context for what should come at once.
func until(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// register registers agents.
func (h *hall) register(t testing.TB, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if _, err := h.Agents.Register(until(t), api.AgentSpec{ID: id, Type: "voter", Runtime: api.RuntimeExternal}); err != nil {
			t.Fatal(err)
		}
	}
}

// answers is what a member does about a question: its answer, or an error to answer with, or nil to stay silent.
type answers func(id string, q *api.SessionQuestion) any

// always answers the same.
func always(v any) answers { return func(string, *api.SessionQuestion) any { return v } }

// each answers what the table has for the member.
func each[T any](table map[string]T) answers {
	return func(id string, _ *api.SessionQuestion) any {
		if v, ok := table[id]; ok {
			return v
		}
		return nil
	}
}

// member is an agent by hand: it says that it has a question, and sends its answer in its own name.
type member struct {
	id   string
	conn *rpc.Conn
	mu   sync.Mutex
	got  map[string]int // how often each question came, by <session>/<round>
	last *api.SessionQuestion
}

// member registers an agent and lets it answer until the test ends.
func (h *hall) member(t testing.TB, id string, answer answers) *member {
	t.Helper()
	h.register(t, id)
	return h.seat(t, id, answer)
}

// members is member for several.
func (h *hall) members(t testing.TB, answer answers, ids ...string) map[string]*member {
	t.Helper()
	all := map[string]*member{}
	for _, id := range ids {
		all[id] = h.member(t, id, answer)
	}
	return all
}

// seat lets an agent answer that is registered, or need not be.
func (h *hall) seat(t testing.TB, id string, answer answers) *member {
	t.Helper()
	m := &member{id: id, conn: h.desk.WithPrincipal(id), got: map[string]int{}}
	sub, err := h.desk.NC.SubscribeSync(api.AgentSubject(h.desk.Namespace, id))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.desk.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var work sync.WaitGroup
	work.Go(func() {
		for {
			msg, err := sub.NextMsgWithContext(ctx)
			if err != nil {
				return
			}
			m.take(t, ctx, msg, answer)
		}
	})
	t.Cleanup(func() {
		cancel()
		work.Wait()
		_ = sub.Unsubscribe()
	})
	return m
}

// take reads a question and answers it.
func (m *member) take(t testing.TB, ctx context.Context, msg *nats.Msg, answer answers) { //nolint:revive // t first, as elsewhere
	body, err := m.conn.Body(ctx, msg.Header, msg.Data)
	if err != nil {
		t.Errorf("%s: %v", m.id, err)
		return
	}
	_ = msg.Respond([]byte("{}")) // what went by reference is gone after that
	q := new(api.SessionQuestion)
	if err := codec.Decode(body, q); err != nil {
		t.Errorf("%s: %v", m.id, err)
		return
	}
	key := q.Session + "/" + strconv.Itoa(q.Round)
	if h := msg.Header; h.Get(api.HeaderSession) != key || h.Get(api.HeaderCast) == "" || h.Get(api.HeaderTimeout) == "" {
		t.Errorf("question %s has the headers %v", key, h)
	}
	m.mu.Lock()
	m.got[key]++
	m.last = q
	m.mu.Unlock()
	v := answer(m.id, q)
	if v == nil {
		return
	}
	err = m.insist(ctx, q.Session, q.Round, v)
	switch reason := api.ReasonOf(err); {
	case err == nil, ctx.Err() != nil, reason == api.ReasonSessionEnded, reason == api.ReasonRoundClosed:
	default:
		t.Errorf("%s answers %s: %v", m.id, key, err)
	}
}

// insist answers until it has heard: the same answer again changes nothing. As with the SDK each try has twice the time of the one before,
// so that many who ask again do not keep a slow machine from answering.
func (m *member) insist(ctx context.Context, session string, round int, v any) error {
	for bound := 2 * time.Second; ; bound *= 2 {
		try, cancel := context.WithTimeout(ctx, bound)
		_, err := m.answer(try, session, round, v)
		cancel()
		switch api.CodeOf(err) {
		case api.Unavailable, api.DeadlineExceeded, api.Overloaded, api.Cancelled:
			if ctx.Err() == nil {
				continue
			}
		}
		return err
	}
}

// answer answers once, in the member's name.
func (m *member) answer(ctx context.Context, session string, round int, v any) (*api.SessionReceipt, error) {
	r := api.SessionAnswerRequest{Session: session, Round: round}
	var failed error
	if err, ok := v.(error); ok {
		failed = err
	}
	if failed != nil {
		r.Error = failed.Error()
	} else if raw, ok := v.(json.RawMessage); ok {
		r.Answer = raw
	} else {
		body, err := codec.Marshal(v)
		if err != nil {
			return nil, err
		}
		r.Answer = body
	}
	return rpc.Call(ctx, m.conn, api.SessionsAnswer, &r)
}

// counted returns how often each question came.
func (m *member) counted() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	got := map[string]int{}
	for k, n := range m.got {
		got[k] = n
	}
	return got
}

// question waits for a question of a session.
func (m *member) question(t testing.TB, session string) *api.SessionQuestion {
	t.Helper()
	var q *api.SessionQuestion
	natstest.Eventually(t, patience, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		q = m.last
		return q != nil && q.Session == session
	}, "%s is asked in session %s", m.id, session)
	return q
}

var errUnwell = errors.New("unwell: not today")

// open starts a session that is not waited for.
func (h *hall) open(t testing.TB, r api.SessionStartRequest) *api.Session {
	t.Helper()
	x, err := h.Sessions.Start(until(t), r)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// hold starts a session and returns it when it has ended.
func (h *hall) hold(t testing.TB, r api.SessionStartRequest) *api.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience+r.Timeout.Std()) // a session may take as long as it says
	defer cancel()
	x, err := h.Sessions.Run(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// over returns a session when it has ended.
func (h *hall) over(t testing.TB, id string) *api.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience) // it may have to wait for its members
	defer cancel()
	x, err := h.Sessions.Wait(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// vote is a session in which the members vote.
func vote(members ...string) api.SessionStartRequest {
	return api.SessionStartRequest{Type: api.SessionConsensus, Members: members, Question: json.RawMessage(`"lunch"`)}
}

// result reads the result of a session that has one.
func result[T any](t testing.TB, x *api.Session) *T {
	t.Helper()
	v := new(T)
	if x.State != api.SessionCompleted {
		t.Fatalf("session %s is %s: %s", x.ID, x.State, x.Reason)
	}
	if err := codec.Read(x.Result, v); err != nil {
		t.Fatalf("the result %s: %v", x.Result, err)
	}
	return v
}

// asks returns what became of the questions of a round, by member.
func asks(x *api.Session, round int) map[string]api.SessionAsk {
	all := map[string]api.SessionAsk{}
	for _, a := range x.Rounds[round-1].Asks {
		all[a.Member] = a
	}
	return all
}
