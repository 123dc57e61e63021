package engine_test

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

func TestMembers(t *testing.T) {
	l := newTape(t, counter())
	l.do("b", engine.PresentCommand(1, 2))
	l.after(time.Second).do("a")
	l.after(time.Second).do("b", add("x", 1))
	m := l.e.Members()
	if len(m) != 2 || m[0].Writer != "a" || m[0].Number != 1 || m[1].Number != 2 || m[1].Low != 1 || m[1].High != 2 || !m[1].Seen.Equal(l.now) {
		t.Errorf("%+v", m)
	}
	l.do("a", engine.LeaveCommand())
	if l.e.Live("a") || !l.e.Live("b") || l.e.Live("c") {
		t.Error("who is live is wrong")
	}
	if l.do("a"); !l.e.Live("a") {
		t.Error("who comes back is not live")
	}
	l.after(engine.MemberTime + 1).do("a")
	if l.e.Live("b") || !l.e.Live("a") {
		t.Error("who is silent is live")
	}
	l.replay(counter())
}

func TestOtherRules(t *testing.T) {
	l := newTape(t, counter())
	use := engine.UseCommand(2)
	l.do("a", engine.PresentCommand(1, 2), add("x", 1))
	l.do("b", engine.PresentCommand(1, 1))
	if r := l.one("a", use); code(r.Err) != api.FailedPrecondition {
		t.Errorf("while b has only version 1: %+v", r)
	}
	l.do("c") // has not said
	l.do("b", engine.PresentCommand(1, 3))
	if r := l.one("a", use); code(r.Err) != api.FailedPrecondition {
		t.Errorf("while c has not said what it has: %+v", r)
	}
	l.do("c", engine.LeaveCommand())
	a := l.do("a", add("x", 1), use, add("x", 1))
	if a.Replies[1].Err != nil || !a.Upgraded || l.e.Version() != 2 {
		t.Fatalf("%+v", a)
	}
	if x := l.e.State().Values["x"]; x != (1+1)*2+1*2 {
		t.Errorf("x is %d", x)
	}
	if r := l.one("a", use); r.Err != nil || l.e.State().Values["x"] != 6 {
		t.Errorf("the same version again: %+v", r)
	}
	if r := l.one("a", engine.UseCommand(1)); code(r.Err) != api.FailedPrecondition {
		t.Errorf("an older version: %+v", r)
	}
	for _, body := range [][]byte{nil, {0x80}, {2, 2}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}} {
		if r := l.one("a", engine.Command{Kind: engine.KindUse, Body: body}); r.Err == nil {
			t.Errorf("a use of %x: %+v", body, r)
		}
	}
	l.replay(counter())

	// A binary that lacks the new rules takes nothing from there on, also when it restores.
	old := engine.New(only(counter(), 1))
	var err error
	for _, en := range l.entries {
		if _, err = old.Apply(en); err != nil {
			break
		}
	}
	if !errors.Is(err, engine.ErrVersion) || old.Seq() != 7 {
		t.Errorf("a binary without version 2: %v at %d", err, old.Seq())
	}
	if _, again := old.Apply(l.entries[7]); !errors.Is(again, engine.ErrVersion) {
		t.Errorf("again: %v", again)
	}
	if _, err := old.Snapshot(); !errors.Is(err, engine.ErrVersion) {
		t.Errorf("a snapshot in the middle of an entry: %v", err)
	}
	if _, err := engine.Restore(only(counter(), 1), snapshot(t, l.e)); !errors.Is(err, engine.ErrVersion) {
		t.Errorf("restore: %v", err)
	}
	if e, err := engine.Restore(only(counter(), 2, 3), snapshot(t, l.e)); err != nil || e.Version() != 2 {
		t.Errorf("restore without version 1: %v", err)
	}
}

func TestRulesInBetween(t *testing.T) {
	l := newTape(t, counter())
	l.do("a", engine.PresentCommand(1, 3), add("x", 1), engine.UseCommand(3))
	if x := l.e.State().Values["x"]; x != 2 || l.e.Version() != 3 {
		t.Errorf("x is %d by version %d", x, l.e.Version())
	}
	l.replay(counter())
	gap := engine.New(only(counter(), 1, 3))
	if _, err := gap.Apply(l.entries[0]); !errors.Is(err, engine.ErrVersion) {
		t.Errorf("a binary without version 2 goes from 1 to 3: %v", err)
	}
}

func TestFirstEntrySaysTheVersion(t *testing.T) {
	l := newTape(t, only(counter(), 2, 3))
	l.do("a", add("x", 1))
	both, err := engine.New(counter()), error(nil)
	if _, err = both.Apply(l.entries[0]); err != nil || both.Version() != 2 {
		t.Errorf("version %d, %v", both.Version(), err)
	}
	sameEngine(t, both, l.e)
	for _, m := range []engine.Machine[*counts]{only(counter(), 1), only(counter(), 3), only(counter())} {
		if _, err := engine.New(m).Apply(l.entries[0]); !errors.Is(err, engine.ErrVersion) {
			t.Errorf("a binary that lacks it: %v", err)
		}
	}
}

func TestNewerFormats(t *testing.T) {
	l := newTape(t, counter())
	data := l.batch("a").Append(nil)
	data[4]++
	if _, err := l.try(data); !errors.Is(err, engine.ErrVersion) || !errors.Is(err, engine.ErrFormat) {
		t.Errorf("an entry of another format: %v", err)
	}
	e := engine.New(counter())
	data = snapshot(t, e)
	data[4]++
	if _, err := engine.Restore(counter(), data); !errors.Is(err, engine.ErrVersion) {
		t.Errorf("a snapshot of another format: %v", err)
	}
}

func TestPanicOfEvolve(t *testing.T) {
	l := newTape(t, counter())
	l.do("a", add("x", 1))
	if _, err := l.try(l.batch("a", add("x", 1), engine.Command{Kind: "poison"}).Append(nil)); !errors.Is(err, engine.ErrEvolve) {
		t.Fatalf("%v", err)
	}
	if _, err := l.try(l.batch("a").Append(nil)); !errors.Is(err, engine.ErrEvolve) {
		t.Errorf("the next entry: %v", err)
	}
	if _, err := l.e.Snapshot(); !errors.Is(err, engine.ErrEvolve) {
		t.Errorf("snapshot: %v", err)
	}
}

func TestSnapshotsAreVerifiedByAnother(t *testing.T) {
	l := newTape(t, counter())
	good, bad := sha256.Sum256([]byte("good")), sha256.Sum256([]byte("bad"))
	proposed := func() uint64 {
		seq, _, _ := l.e.Proposed()
		return seq
	}
	verified := func() uint64 {
		seq, _ := l.e.Verified()
		return seq
	}
	for range 10 {
		l.do("b")
	}
	if r := l.one("a", engine.SnapshotCommand(11, good)); code(r.Err) != api.Invalid {
		t.Errorf("of the entry itself: %+v", r)
	}
	if r := l.one("a", engine.VerifiedCommand(5, good)); code(r.Err) != api.NotFound {
		t.Errorf("verified before it was proposed: %+v", r)
	}
	l.one("a", engine.SnapshotCommand(5, good))
	if seq, digest, by := l.e.Proposed(); seq != 5 || digest != good || by != "a" {
		t.Errorf("proposed %d by %s", seq, by)
	}
	if r := l.one("b", engine.SnapshotCommand(4, good)); code(r.Err) != api.FailedPrecondition || proposed() != 5 {
		t.Errorf("an older one: %+v", r)
	}
	if r := l.one("b", engine.SnapshotCommand(5, good)); r.Err != nil || verified() != 0 {
		t.Errorf("the same by another: %+v", r)
	}
	if r := l.one("a", engine.VerifiedCommand(5, good)); code(r.Err) != api.FailedPrecondition {
		t.Errorf("by who proposed it: %+v", r)
	}
	l.replay(counter())
	if a := l.do("b", engine.VerifiedCommand(5, good)); !a.Verified || verified() != 5 || proposed() != 0 {
		t.Errorf("by another: %+v", a)
	}
	if r := l.one("a", engine.SnapshotCommand(5, good)); code(r.Err) != api.FailedPrecondition {
		t.Errorf("of what is verified: %+v", r)
	}
	l.one("a", engine.SnapshotCommand(7, good))
	if a := l.do("b", engine.VerifiedCommand(7, bad)); !a.Disputed || a.Replies[0].Err == nil || proposed() != 0 || verified() != 5 {
		t.Errorf("another digest: %+v", a)
	}
	l.one("a", engine.SnapshotCommand(7, good))
	if a := l.do("b", engine.SnapshotCommand(7, bad)); !a.Disputed || proposed() != 0 {
		t.Errorf("proposed with another digest: %+v", a)
	}
	l.one("a", engine.SnapshotCommand(8, good))
	l.one("b", engine.SnapshotCommand(9, good))
	if proposed() != 9 {
		t.Errorf("a newer one does not take the place: %d", proposed())
	}
	l.one("a", engine.LeaveCommand())
	if a := l.do("b", engine.VerifiedCommand(9, good)); !a.Verified || verified() != 9 {
		t.Errorf("by the only one there is: %+v", a)
	}
	l.replay(counter())
}

func TestEngineTakesNoForgedCommands(t *testing.T) {
	l := newTape(t, counter())
	for _, kind := range []string{engine.KindTimer, "~", "~new", engine.KindPresent, engine.KindSnapshot, engine.KindVerified} {
		if a := l.do("a", engine.Command{Kind: kind, Key: "x", Body: []byte("\xff")}); code(a.Replies[0].Err) != api.Invalid || len(a.Events) != 0 {
			t.Errorf("%s: %+v", kind, a.Replies[0])
		}
	}
}
