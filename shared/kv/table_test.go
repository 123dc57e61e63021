package kv_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestUpdateCreatesChangesDeletesAndLeaves(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	table := kv.NewTable[counter](open(t, nc, kv.Config{}), "svc", nil)
	ctx := within(t, 10*time.Second)
	get := must[kv.Result[counter]](t)

	r := get(table.Update(ctx, api.Cause{}, "k", add(1)))
	if r.Value.N != 1 || r.Existed || !r.Changed || r.Token != table.Bucket().Token(r.Revision) {
		t.Fatalf("create: got %+v", r)
	}
	r = get(table.Update(ctx, api.Cause{}, "k", add(2)))
	if r.Value.N != 3 || !r.Existed || !r.Changed {
		t.Fatalf("change: got %+v", r)
	}
	same := get(table.Update(ctx, api.Cause{}, "k", func(old *counter, _ time.Time) (*counter, string, error) { return old, "", nil }))
	if same.Revision != r.Revision || same.Changed || same.Value.N != 3 {
		t.Fatalf("no change: got %+v", same)
	}
	refusal := api.Errorf(api.FailedPrecondition, "no")
	if _, err := table.Update(ctx, api.Cause{}, "k", func(*counter, time.Time) (*counter, string, error) { return nil, "", refusal }); !errors.Is(err, refusal) {
		t.Fatalf("refusal: got %v", err)
	}
	r = get(table.Update(ctx, api.Cause{}, "k", func(*counter, time.Time) (*counter, string, error) { return nil, "gone", nil }))
	if r.Value != nil || !r.Existed || !r.Changed {
		t.Fatalf("delete: got %+v", r)
	}
	if r = get(table.Update(ctx, api.Cause{}, "k", add(5))); r.Value.N != 5 || r.Existed {
		t.Fatalf("create again: got %+v", r)
	}
	if r = get(table.Get(ctx, "k")); r.Value.N != 5 || !r.Existed {
		t.Fatalf("get: got %+v", r)
	}
}

func TestUpdateRefusesOnTheLeadersRecordOnly(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	b := open(t, nc, kv.Config{})
	m := kv.NewMirror[counter](b, kv.MirrorOptions[counter]{})
	m.Start()
	<-m.Ready()
	table := kv.NewTable[counter](b, "svc", nil)
	table.UseMirror(m)
	ctx := within(t, 10*time.Second)
	plain := kv.NewTable[counter](b, "svc", nil)
	for i := range 50 {
		// The mirror has often not heard of this when the table is asked.
		must[kv.Result[counter]](t)(plain.Update(ctx, api.Cause{}, strconv.Itoa(i), add(1)))
		_, err := table.Update(ctx, api.Cause{}, strconv.Itoa(i), func(old *counter, _ time.Time) (*counter, string, error) {
			if old == nil {
				return nil, "", api.Errorf(api.NotFound, "not there")
			}
			return &counter{N: old.N + 1}, "added", nil
		})
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	m.Stop()
}

func cause(id string) api.Cause {
	return api.Cause{Principal: "p", RequestID: id, BodyHash: "h-" + id}
}

var errCrash = errors.New("crash")

// crashAt makes a replica's table die after the nth step.
func crashAt(table *kv.Table[counter], n int) {
	count := 0
	kv.OnStep(table, func(string) error {
		if count++; count == n {
			return errCrash
		}
		return nil
	})
}

// A replica dies after each step in turn; meanwhile nothing, or a change by another request, or one without a request id
// happens; then the request is repeated on another replica. It must have happened once.
func TestRequestHappensOnceWhereverItsReplicaDies(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	b, requests := open(t, nc, kv.Config{}), openRequests(t, nc, 1)
	get := must[kv.Result[counter]](t)
	for _, meanwhile := range []string{"nothing", "request", "plain", "delete"} {
		crashed := true
		for n := 1; crashed; n++ {
			key := fmt.Sprintf("%s-%d", meanwhile, n)
			ctx := within(t, 10*time.Second)
			other := kv.NewTable[counter](b, "svc", requests)
			get(other.Update(ctx, cause("before-"+key), key, add(1000)))

			first := kv.NewTable[counter](b, "svc", requests)
			crashAt(first, n)
			_, err := first.Update(ctx, cause("r-"+key), key, add(1))
			crashed = errors.Is(err, errCrash)
			if !crashed && err != nil {
				t.Fatal(err)
			}
			if n > 20 {
				t.Fatal("the update has no end")
			}
			total := 1001
			switch meanwhile {
			case "request":
				get(other.Update(ctx, cause("o-"+key), key, add(100)))
				total += 100
			case "plain":
				get(other.Update(ctx, api.Cause{}, key, add(100)))
				total += 100
			case "delete":
				r := get(other.Update(ctx, api.Cause{}, key, func(*counter, time.Time) (*counter, string, error) { return nil, "gone", nil }))
				if r.Value != nil {
					t.Fatal("not deleted")
				}
			}
			second := kv.NewTable[counter](b, "svc", requests)
			answer := get(second.Update(ctx, cause("r-"+key), key, add(1)))
			crashAt(first, 0)
			again := get(first.Update(ctx, cause("r-"+key), key, add(1)))
			if d := cmp.Diff(answer, again); d != "" {
				t.Fatalf("%s: the second answer differs: %s", key, d)
			}
			if !answer.Changed {
				t.Fatalf("%s: got %+v, want the answer of a change", key, answer)
			}
			now := get(other.Get(ctx, key))
			if meanwhile == "delete" {
				// Either the request came first and was deleted, or it came after the deletion.
				if done := answer.Value.N == 1001; done != (now.Value == nil) {
					t.Fatalf("%s: answer %+v, record %+v", key, answer.Value, now.Value)
				}
				continue
			}
			if now.Value.N != total {
				t.Fatalf("%s: total %d, want %d", key, now.Value.N, total)
			}
		}
	}
}

func TestRefusalIsRepeated(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	b, requests := open(t, nc, kv.Config{}), openRequests(t, nc, 1)
	table := kv.NewTable[counter](b, "svc", requests)
	ctx := within(t, 10*time.Second)
	needs := func(old *counter, _ time.Time) (*counter, string, error) {
		if old == nil {
			return nil, "", api.Errorf(api.NotFound, "not there").WithReason(api.ReasonAgentNotFound)
		}
		return &counter{N: old.N + 1}, "added", nil
	}
	_, first := table.Update(ctx, cause("r"), "k", needs)
	must[kv.Result[counter]](t)(table.Update(ctx, api.Cause{}, "k", add(1)))
	_, second := table.Update(ctx, cause("r"), "k", needs)
	if api.ReasonOf(first) != api.ReasonAgentNotFound || cmp.Diff(first, second) != "" {
		t.Fatalf("got %v, then %v", first, second)
	}
}

func TestRequestIDsAreBoundAndAge(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	b, requests := open(t, nc, kv.Config{}), openRequests(t, nc, 1)
	table := kv.NewTable[counter](b, "svc", requests)
	ctx := within(t, 10*time.Second)
	get := must[kv.Result[counter]](t)
	get(table.Update(ctx, cause("r"), "k", add(1)))

	other := cause("r")
	other.BodyHash = "another"
	if _, err := table.Update(ctx, other, "k", add(1)); api.ReasonOf(err) != api.ReasonRequestReused {
		t.Errorf("other body: got %v", err)
	}
	if _, err := table.Update(ctx, cause("r"), "k2", add(1)); err == nil {
		t.Error("one request id changed two keys")
	}
	stranger := cause("r")
	stranger.Principal, stranger.BodyHash = "q", "q"
	if r := get(table.Update(ctx, stranger, "k", add(1))); r.Value.N != 2 {
		t.Errorf("another principal's request of the same id: got %+v", r)
	}
	for i := range 3 {
		get(table.Update(ctx, kv.Derive(cause("bulk"), i), fmt.Sprint("bulk", i), add(1)))
	}
	id := func(at time.Time) string {
		ms := at.UnixMilli()
		return fmt.Sprintf("%08x-%04x-7abc-9def-0123456789ab", ms>>16, ms&0xffff)
	}
	for at, want := range map[time.Duration]string{-11 * time.Minute: api.ReasonRequestExpired, -9 * time.Minute: "", 0: "", 2 * time.Hour: "invalid"} {
		c := cause(id(time.Now().Add(at)))
		for i, c := range []api.Cause{c, kv.Derive(c, 1)} {
			_, err := table.Update(ctx, c, fmt.Sprintf("aged%d%g", i, at.Minutes()), add(1))
			if got := api.ReasonOf(err); got != want && string(api.CodeOf(err)) != want || (err == nil) != (want == "") {
				t.Errorf("id made %s ago, item %d: got %v, want %q", -at, i, err, want)
			}
		}
	}
}

// What is older than answers are kept is refused, whether it was answered or not. Age is that of the begin for a pending
// request: it is written back here, since the store's clock cannot be moved.
func TestOldPendingRequestIsNeverExecuted(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	b, requests := open(t, nc, kv.Config{}), openRequests(t, nc, 1)
	table := kv.NewTable[counter](b, "svc", requests)
	ctx := within(t, 10*time.Second)
	begun := time.Now().Add(-11 * time.Minute).UTC().Format(time.RFC3339)
	c := cause("r")
	value := fmt.Sprintf(`{"hash":%q,"bucket":%q,"key":"k","begun":%q}`, c.BodyHash, b.Name(), begun)
	must[uint64](t)(requests.Bucket().Write(ctx, kv.Write{Key: kv.RequestKey("svc", c), Value: []byte(value)}))
	if _, err := table.Update(ctx, c, "k", add(1)); api.ReasonOf(err) != api.ReasonRequestExpired {
		t.Fatalf("got %v", err)
	}
	if r := must[kv.Result[counter]](t)(table.Get(ctx, "k")); r.Existed {
		t.Fatal("it was executed")
	}
}

// Replicas carry out the same requests at the same time, dying at random steps, with updates that may refuse. In the end
// every request that succeeded counts once, and every request that was refused not at all.
func TestRequestsCountOnce(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	b, requests := open(t, nc, kv.Config{}), openRequests(t, nc, 1)
	mirror := kv.NewMirror[counter](b, kv.MirrorOptions[counter]{})
	mirror.Start()
	defer mirror.Stop()
	<-mirror.Ready()
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		ids := rapid.IntRange(1, 6).Draw(rt, "requests")
		keys := rapid.IntRange(1, 2).Draw(rt, "keys")
		crashes := rapid.SliceOfN(rapid.IntRange(1, 9), 3, 3).Draw(rt, "crashes")
		limit := rapid.IntRange(1, 8).Draw(rt, "limit")
		bounded := func(old *counter, _ time.Time) (*counter, string, error) {
			if old != nil && old.N >= limit {
				return nil, "", api.Errorf(api.FailedPrecondition, "full")
			}
			if old == nil {
				return &counter{N: 1}, "added", nil
			}
			return &counter{N: old.N + 1}, "added", nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var (
			wg       sync.WaitGroup
			mu       sync.Mutex
			accepted = map[string]map[int]bool{}
			problem  error
		)
		for replica := range 3 {
			for id := range ids {
				wg.Go(func() {
					key := fmt.Sprintf("%d-%d", round, id%keys)
					table := kv.NewTable[counter](b, "svc", requests)
					if replica > 0 {
						table.UseMirror(mirror)
					}
					crashAt(table, crashes[replica]+id%2)
					c := cause(fmt.Sprintf("%d-%d", round, id))
					_, err := table.Update(ctx, c, key, bounded)
					if errors.Is(err, errCrash) {
						_, err = table.Update(ctx, c, key, bounded)
					}
					mu.Lock()
					defer mu.Unlock()
					if err != nil && api.CodeOf(err) != api.FailedPrecondition {
						problem = err
						return
					}
					if accepted[key] == nil {
						accepted[key] = map[int]bool{}
					}
					ok := err == nil
					if before, known := accepted[key][id]; known && before != ok {
						problem = fmt.Errorf("request %d was answered %v and %v", id, before, ok)
					}
					accepted[key][id] = ok
				})
			}
		}
		wg.Wait()
		if problem != nil {
			rt.Fatal(problem)
		}
		for key, answers := range accepted {
			want := 0
			for _, ok := range answers {
				if ok {
					want++
				}
			}
			table := kv.NewTable[counter](b, "svc", requests)
			r, err := table.Get(ctx, key)
			if err != nil || r.Value.N != want {
				rt.Fatalf("%s: %d requests succeeded, the record is %+v (%v)", key, want, r.Value, err)
			}
		}
	})
}

func TestClusterLosesNoUpdate(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	c := natstest.StartCluster(t, 3)
	oneCopyIsNotEnough(t, c)
	const writers, each = 16, 10
	const history = 64 // of whoever has no answer in time, others write more than 16 revisions meanwhile
	b := open(t, c.Connect(t), kv.Config{Replicas: 3, History: history})
	ctx := within(t, 5*time.Minute)
	var wg sync.WaitGroup
	errs := make(chan error, writers)
	for w := range writers {
		nc := c.Connect(t)
		table := kv.NewTable[counter](open(t, nc, kv.Config{Replicas: 3, History: history}), "svc", openRequests(t, nc, 3))
		wg.Go(func() {
			for i := range each {
				cs := api.Cause{}
				if w%2 == 0 {
					cs = cause(fmt.Sprintf("%d-%d", w, i))
				}
				if _, err := table.Update(ctx, cs, "k", add(1)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		t.Fatal(err)
	default:
	}
	table := kv.NewTable[counter](b, "svc", nil)
	if r := must[kv.Result[counter]](t)(table.Get(ctx, "k")); r.Value.N != writers*each {
		t.Fatalf("got %d, want %d", r.Value.N, writers*each)
	}
}

// oneCopyIsNotEnough: a process that is started without --replicas must not take the copies of the others away.
func oneCopyIsNotEnough(t *testing.T, c *natstest.Cluster) {
	t.Helper()
	nc := c.Connect(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	cfg := kv.Config{Namespace: "copies", Name: "b", Replicas: 3}
	if _, err := kv.Open(t.Context(), js, cfg); err != nil {
		t.Fatal(err)
	}
	cfg.Replicas = 1
	if _, err := kv.Open(t.Context(), js, cfg); api.CodeOf(err) != api.FailedPrecondition {
		t.Fatalf("opened with one copy: got %v", err)
	}
	s, err := js.Stream(t.Context(), "KV_copies_b")
	if err != nil || s.CachedInfo().Config.Replicas != 3 {
		t.Fatalf("got %d copies, %v", s.CachedInfo().Config.Replicas, err)
	}
}
