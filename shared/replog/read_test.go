package replog_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func nothing(*accounts, uint64, time.Time) {}

func TestRevisions(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	l := run(t, srv.URL(), base())
	cfg := base()
	cfg.Realm = "other"
	other := run(t, srv.URL(), cfg)
	a, b := do(t, l, add("a", 1)), do(t, other, add("a", 1))
	if rev, err := read(t, l, a.Revision, nothing); err != nil || rev == "" {
		t.Errorf("its own revision: %q, %v", rev, err)
	}
	if _, err := read(t, l, b.Revision, nothing); api.ReasonOf(err) != api.ReasonForeignRevision {
		t.Errorf("another log's revision: %v", err)
	}
	tb := t
	rapid.Check(t, func(t *rapid.T) {
		token := []byte(a.Revision)
		i := rapid.IntRange(0, len(token)-1).Draw(t, "at")
		was := token[i]
		token[i] = rapid.SampledFrom([]byte("ABab01-_!=")).Draw(t, "to")
		// A later sequence may be what it says; nobody has it, so the read must wait and give up.
		var err error
		natstest.Eventually(tb, patience, func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			_, err = l.Read(ctx, string(token), nothing)
			return api.ReasonOf(err) != api.ReasonNotReady
		}, "the replica is ready")
		if c := api.CodeOf(err); was != token[i] && c != api.Invalid && c != api.FailedPrecondition && c != api.DeadlineExceeded {
			t.Fatalf("token %s: %v", token, err)
		}
	})
}

// A read with the revision of another replica waits for it.
func TestReadWaits(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	ls := three(t, srv.URL(), base())
	for i := range 100 {
		a := do(t, ls[i%3], add("a", 1))
		seen := 0
		if _, err := read(t, ls[(i+1)%3], a.Revision, func(s *accounts, _ uint64, _ time.Time) { seen = s.Counters["a"] }); err != nil || seen < i+1 {
			t.Fatalf("read %d after command %d: %v", seen, i+1, err)
		}
	}
}
