package realm_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// steps carries out commands one by one on a state.
type steps struct {
	*testing.T
	state *realm.State
	seq   uint64
}

func (s *steps) do(kind, by, key, body string) *api.Error {
	s.Helper()
	s.seq++
	rules := realm.Machine().Rules[1]
	d := rules.Decide(s.state, engine.Command{
		Kind: kind, Principal: by, Key: key, Body: []byte(body), Seq: s.seq, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(s.seq)),
	})
	for _, e := range d.Events {
		rules.Evolve(s.state, e)
	}
	return d.Err
}

func (s *steps) must(kind, by, key, body string) {
	s.Helper()
	if err := s.do(kind, by, key, body); err != nil {
		s.Fatalf("%s: %v", kind, err)
	}
}

// life has a tender announced, cancelled, archived and dropped.
func (s *steps) life(id string) {
	s.Helper()
	s.must("tenders.announce", "ann", act.Call{ID: "x"}.String(), announcement(id))
	s.must("tenders.cancel", "ann", act.Call{ID: "y"}.String(), fmt.Sprintf(`{"id":%q}`, id))
	s.must(engine.KindOutcome, "", act.SaveEffect+"/tender/"+id, "{}")
}

func announcement(id string) string {
	return fmt.Sprintf(`{"id":%q,"budget":"5","task":{"capability":"c"}}`, id)
}

func rich(t *testing.T) *steps {
	s := &steps{T: t, state: realm.New()}
	s.must("accounts.mint", "operator", act.Call{ID: "m", Operator: true}.String(), `{"to":"ann","amount":"1000000"}`)
	return s
}

// A replica has looked whether an id is taken, and it was not; before its command comes, what has the id comes, ends and is archived.
func TestAnIDIsUsedOnceHoweverFastAnEntityEnds(t *testing.T) {
	s := rich(t)
	looked := s.seq
	s.life("t1")
	again := func(seen uint64) error {
		if err := s.do("tenders.announce", "ann", act.Call{ID: "z", Entity: "tender/t1", Seen: seen}.String(), announcement("t1")); err != nil {
			return err
		}
		return nil
	}
	if err := again(looked); api.ReasonOf(err) != api.ReasonTenderExists {
		t.Errorf("the id is used again: %v", err)
	}
	data, err := realm.Machine().Encode(s.state)
	if err != nil {
		t.Fatal(err)
	}
	if s.state, err = realm.Machine().Decode(data); err != nil {
		t.Fatal(err)
	}
	if err := again(looked); api.ReasonOf(err) != api.ReasonTenderExists {
		t.Errorf("the id is used again after a restart: %v", err)
	}
	if err := again(s.seq); err != nil {
		t.Errorf("the archive was asked after that, and had lost it: %v", err)
	}
}

func TestWhatHasLeftIsForgottenInTime(t *testing.T) {
	s := rich(t)
	looked := s.seq
	for i := range realm.MaxGone + 2 {
		s.life(fmt.Sprint("t", i))
		if n := len(s.state.Gone.Last); n > realm.MaxGone {
			t.Fatalf("%d are known", n)
		}
	}
	announce := func(seen uint64) *api.Error {
		return s.do("tenders.announce", "ann", act.Call{ID: "z", Entity: "tender/t0", Seen: seen}.String(), announcement("t0"))
	}
	if err := announce(looked); err == nil || err.Code != api.Overloaded {
		t.Errorf("nobody knows whether it was used, and the machine says %v", err)
	}
	if err := announce(s.state.Gone.Floor); err != nil {
		t.Errorf("it has not left after that: %v", err)
	}
}
