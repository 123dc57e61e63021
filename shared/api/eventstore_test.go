package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestCompleteGivesWhatIsLeftOut(t *testing.T) {
	now := time.Date(2026, 5, 6, 7, 8, 9, 10, time.FixedZone("", 7200))
	e := api.Event{Type: "t", Data: json.RawMessage(`1`)}
	if err := e.Complete("ns", "ann", "id1", now); err != nil {
		t.Fatal(err)
	}
	if e.ID != "id1" || e.CorrelationID != "id1" || e.Source != "/ns/as/ann" || e.Principal != "ann" || !e.Time.Equal(now) || e.Time.Location() != time.UTC ||
		e.SpecVersion != "1.0" || e.DataContentType != "application/json" {
		t.Errorf("got %+v", e)
	}
	if brief := e.Brief(); brief.CorrelationID != "" || brief.Complete("ns", "ann", "other", now) != nil || !cmp.Equal(brief, e) {
		t.Errorf("brief and complete again: %+v", brief)
	}
	again := e
	if err := again.Complete("ns", "ann", "other", now.Add(1)); err != nil || again.ID != "id1" || again.CorrelationID != "id1" || !again.Time.Equal(now) {
		t.Errorf("completed twice: %+v, %v", again, err)
	}
	for source, ok := range map[string]bool{"/ns/as/ann": true, "/ns/as/bob": false, "/ns/registry": false, "/ns2/registry": true, "urn:x": true, "/ns": true} {
		e := api.Event{Type: "t", Source: source}
		if err := e.Complete("ns", "ann", "id", now); (err == nil) != ok {
			t.Errorf("source %s: %v", source, err)
		}
	}
	nobody := api.Event{Type: "t"}
	if err := nobody.Complete("ns", "", "id", now); err != nil || nobody.Source != "/ns/as/-" || nobody.Principal != "" {
		t.Errorf("got %+v, %v", nobody, err)
	}
	if s := api.AppendedSubject("ns", "", api.NewEventID); s != "ns.event.as.-.=" || api.ValidID(api.NewEventID) {
		t.Errorf("subject %s", s)
	}
}

func TestAnEventThatIsTooLargeSaysByHowMuch(t *testing.T) {
	e := api.Event{Type: "t", Data: json.RawMessage(strings.Repeat("1", 500))}
	d := api.EventTooLarge(&e, 700, 600).Details
	if d.Size != 500 || d.MaxSize != 400 || d.Reason != api.ReasonDataTooLarge {
		t.Errorf("got %+v", d)
	}
	if d := api.EventTooLarge(&e, 700, 100).Details; d.MaxSize != 0 {
		t.Errorf("got %+v", d)
	}
}

func TestTypesWithAStar(t *testing.T) {
	for filter, want := range map[string]string{"": "a.b a", "a.b": "a.b", "a.*": "a.b", "a*": "a.b a", "*": "a.b a", "b": ""} {
		f := api.EventFilter{Type: filter}
		var got []string
		for _, typ := range []string{"a.b", "a"} {
			if f.TypeMeets(typ) {
				got = append(got, typ)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q meets %v, want %s", filter, got, want)
		}
	}
}

// Whatever a checked event is, it is written, and read back as the same and as one that passes the check again.
func TestACheckedEventCanBeWritten(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z./]{0,20}`), rapid.SampledFrom([]string{"", "mabus.x", "a b", "\x00", "x*"}))
	rapid.Check(t, func(t *rapid.T) {
		e := api.Event{
			ID: rapid.StringMatching(`[A-Za-z0-9_-]{0,65}`).Draw(t, "id"), Type: text.Draw(t, "type"), Source: text.Draw(t, "source"), Subject: text.Draw(t, "subject"),
			CausationID: text.Draw(t, "cause"), Time: time.Unix(rapid.Int64Range(-1e10, 1e10).Draw(t, "time"), 0), Data: rapid.SampledFrom([]json.RawMessage{nil, []byte(`{}`), []byte(`"x"`)}).Draw(t, "data"),
		}
		if e.Validate() != nil || e.Complete("ns", "p", "id", time.Unix(1, 0)) != nil {
			return
		}
		body, err := codec.Marshal(&e)
		if err != nil {
			t.Fatalf("%+v: %v", e, err)
		}
		var back api.Event
		if err := codec.Decode(body, &back); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		back.Principal = ""
		if err := back.Validate(); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
	})
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"type":"t","data":{"a":[1]}}`))
	f.Add([]byte(`{"specversion":"1.0","id":"x","source":"/s","type":"t","time":"2026-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var e api.Event
		if codec.Decode(body, &e) != nil || e.Validate() != nil || e.Complete("ns", "p", "id", time.Unix(1, 0)) != nil {
			return
		}
		if _, err := codec.Marshal(&e); err != nil {
			t.Fatal(err)
		}
	})
}
