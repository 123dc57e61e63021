package exec_test

import (
	"context"
	"encoding/json"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
)

// pausing is a reader that calls pause before some chunks, and checks that none is missing.
type pausing struct {
	agent.NoParts
	t     *testing.T
	n     int
	pause func(n int)
}

func (r *pausing) Chunk(_ context.Context, payload json.RawMessage) error {
	r.pause(r.n)
	if !strings.HasPrefix(string(payload), `"`+strconv.Itoa(r.n)+" ") {
		r.t.Errorf("chunk %d is %.20s", r.n, payload)
	}
	r.n++
	return nil
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestSlowReaderDoesNotFillTheMemory(t *testing.T) {
	const chunks = 100_000 // of 1 KiB
	p := start(t, self(t, "gush"), exec.Options{})
	before, most := heap(), int64(0)
	r := &pausing{t: t, pause: func(n int) {
		if n%10_000 == 500 {
			eventually(t, "the host stops reading", p.Stalled)
			most = max(most, heap()-before)
		}
	}}
	if got := read(t, p, strconv.Itoa(chunks), r); got != strconv.Itoa(chunks) || r.n != chunks {
		t.Fatalf("got %s after %d chunks", got, r.n)
	}
	if most > 4<<20 || p.Held() != 0 {
		t.Errorf("the heap grew by %d bytes, and %d are held in the end", most, p.Held())
	}
}

func TestGreatPartsAreBoundedInBytes(t *testing.T) {
	p := start(t, shEach(`big=$(head -c 1000000 /dev/zero | tr '\0' x)
i=0; while [ $i -lt 60 ]; do printf '{"type":"chunk","id":"%s","payload":"%s %s"}\n' "$id" $i "$big"; i=$((i+1)); done
printf '{"type":"result","id":"%s"}\n' "$id"`), exec.Options{})
	before, grown := heap(), int64(0)
	r := &pausing{t: t, pause: func(n int) {
		if n == 0 {
			eventually(t, "the host stops reading", p.Stalled)
			grown = heap() - before
		}
	}}
	read(t, p, `1`, r)
	if r.n != 60 || grown < 14<<20 || grown > 24<<20 {
		t.Errorf("%d chunks; the heap grew by %d bytes", r.n, grown)
	}
}

func TestGoneReaderFreesTheWorker(t *testing.T) {
	t.Parallel()
	spec := self(t, "gush")
	spec.Concurrency = 2
	p := start(t, spec, exec.Options{})
	never := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := p.Handle(ctx, &agent.Message{Payload: []byte(`10000`), Parts: &reader{gate: never}})
		gone <- err
	}()
	eventually(t, "the host stops reading", p.Stalled)
	other := make(chan string, 1)
	go func() {
		got, _ := p.Handle(t.Context(), &agent.Message{Payload: []byte(`200`), Parts: &reader{}})
		other <- string(got)
	}()
	cancel()
	wantError(t, <-gone, api.Cancelled, "", true)
	if got := <-other; got != `200` {
		t.Fatalf("the other message got %s", got)
	}
	if p.Held() != 0 {
		t.Errorf("%d bytes are held for nobody", p.Held())
	}
	late, stop := context.WithTimeout(t.Context(), 500*time.Millisecond) // in which it is passed on
	defer stop()
	_, err := p.Handle(late, &agent.Message{Payload: []byte(`10000`), Parts: &reader{gate: never}})
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout, true)
	if got := ask(t, p, `"on"`); got != `"on"` {
		t.Fatal(got)
	}
}

// A reader that does not heed its context holds up its own caller and nobody else.
func TestStuckReaderHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	spec := self(t, "gush")
	spec.Concurrency = 2
	p := start(t, spec, exec.Options{})
	free, ended := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(ended)
		_, err := p.Handle(ctx, &agent.Message{Payload: []byte(`1000`), Parts: &pausing{t: t, pause: func(int) { <-free }}})
		if api.CodeOf(err) != api.Cancelled {
			t.Errorf("got %v", err)
		}
	}()
	eventually(t, "the host stops reading", p.Stalled)
	cancel()
	if got := ask(t, p, `"on"`); got != `"on"` {
		t.Error(got)
	}
	close(free)
	<-ended
}

func TestPartsOfADeadWorkerAreStillRead(t *testing.T) {
	t.Parallel()
	p := start(t, shEach(`i=0; while [ $i -lt 500 ]; do echo '{"type":"chunk","id":"'$id'","payload":"'$i' "}'; i=$((i+1)); done
printf '{"type":"result","id":"%s","payload":"last words"}\n' "$id"; exit 0`), exec.Options{})
	r := &pausing{t: t, pause: func(int) { await(t, p) }}
	if got := read(t, p, `1`, r); got != `"last words"` || r.n != 500 {
		t.Fatalf("got %s after %d chunks", got, r.n)
	}
	if p.Err() != nil {
		t.Fatal(p.Err())
	}
}

func TestStopDoesNotWaitForAReader(t *testing.T) {
	t.Parallel()
	p := start(t, self(t, "gush"), exec.Options{Grace: 100 * time.Millisecond})
	gate := make(chan struct{})
	r := &reader{gate: gate}
	ended := make(chan error, 1)
	go func() {
		_, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(`100000`), Parts: r})
		ended <- err
	}()
	eventually(t, "the host stops reading", p.Stalled)
	_ = p.Stop(t.Context())
	close(gate)
	wantError(t, <-ended, api.Unavailable, api.ReasonAgentCrashed, true)
	if n := len(r.parts()); n < 64 {
		t.Errorf("the reader got %d of the parts that were there", n)
	}
}

// The time in which the host does not read is not held against a worker that may have answered. When the host reads again the worker
// has all of its grace; one that a starved machine gives less than that for its answer is given a longer grace.
func TestStallIsNoFaultOfTheWorker(t *testing.T) {
	t.Parallel()
	for grace := 250 * time.Millisecond; !survivesStall(t, grace); grace *= 2 {
		if grace > 4*time.Second {
			t.Fatalf("the worker was ended each time, at last after a grace of %s", grace)
		}
	}
}

// survivesStall tells whether a worker whose host does not read for three times the grace is there afterwards; if not, it had its grace.
func survivesStall(t *testing.T, grace time.Duration) bool {
	spec := self(t, "gush")
	spec.Concurrency = 2
	p := start(t, spec, exec.Options{CancelGrace: grace})
	gate := make(chan struct{})
	slow := make(chan error, 1)
	go func() {
		_, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(`1000`), Parts: &reader{gate: gate}})
		slow <- err
	}()
	eventually(t, "the host stops reading", p.Stalled)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // in which it is passed on
	defer cancel()
	_, err := p.Handle(ctx, &agent.Message{Payload: []byte(`"unheard"`)})
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout, true)
	select {
	case <-p.Done():
		t.Fatalf("the worker was ended: %v", p.Err())
	case <-time.After(3 * grace):
	}
	if p.Err() != nil {
		t.Fatalf("the worker is told to end: %v", p.Err())
	}
	opened := time.Now()
	close(gate)
	err = <-slow
	_, lost := p.Handle(t.Context(), &agent.Message{Payload: []byte(`"on"`)})
	if err == nil && lost == nil {
		return true
	}
	await(t, p)
	if had := time.Since(opened); had < grace || p.Err() == nil || !strings.Contains(p.Err().Error(), "of its cancel") {
		t.Fatalf("the worker was ended %s after the host read on: %v, %v, %v", had, err, lost, p.Err())
	}
	return false
}
