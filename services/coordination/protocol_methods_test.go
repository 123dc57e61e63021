package coordination_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

func TestProtocols(t *testing.T) {
	t.Parallel()
	h := newHall(t, 3)
	h.member(t, "a", always("yes"))
	p, err := h.Protocols.Register(until(t), api.Protocol{Name: "p", Type: api.SessionConsensus, Doc: "for lunch", Timeout: api.Duration(7 * time.Second)})
	if err != nil || p.Algorithm != api.BallotMajority || p.Timeout.Std() != 7*time.Second || p.UpdatedAt.IsZero() || p.Revision == "" || p.Doc != "for lunch" {
		t.Fatalf("%+v, %v", p, err)
	}
	_, err = h.Protocols.Register(until(t), api.Protocol{Name: "p", Type: api.SessionVoting})
	wantError(t, err, api.Conflict, api.ReasonAlreadyRegistered)
	_, err = h.Protocols.Update(until(t), api.Protocol{Name: "none", Type: api.SessionVoting})
	wantError(t, err, api.NotFound, api.ReasonProtocolNotFound)
	_, err = h.Protocols.Get(until(t), "none")
	wantError(t, err, api.NotFound, api.ReasonProtocolNotFound)

	running := h.member(t, "b", always(nil))
	x := h.open(t, api.SessionStartRequest{Protocol: "p", Members: []string{"b"}, Timeout: api.Duration(time.Minute)})
	running.question(t, x.ID)
	p, err = h.Protocols.Update(until(t), api.Protocol{Name: "p", Type: api.SessionConsensus, Algorithm: api.BallotUnanimous, Timeout: api.Duration(10 * time.Second)})
	if err != nil || p.Algorithm != api.BallotUnanimous || p.Timeout.Std() != 10*time.Second || p.Doc != "" {
		t.Errorf("%+v, %v", p, err)
	}
	got := must(t, h.conn, api.ProtocolsGet, api.NameRequest{Name: "p", MinRevision: p.Revision})
	if got.Algorithm != api.BallotUnanimous {
		t.Errorf("%+v", got)
	}
	if now, err := h.Sessions.Get(until(t), x.ID); err != nil || now.Algorithm != api.BallotMajority {
		t.Errorf("the session that is under way: %+v, %v", now, err)
	}
	y := h.hold(t, api.SessionStartRequest{Protocol: "p", Members: []string{"a"}})
	if y.Algorithm != api.BallotUnanimous || y.Timeout.Std() != 10*time.Second || y.Protocol != "p" || y.Type != api.SessionConsensus {
		t.Errorf("%+v", y)
	}
	if existed, err := h.Protocols.Unregister(until(t), "p"); err != nil || !existed {
		t.Errorf("%v, %v", existed, err)
	}
	if existed, err := h.Protocols.Unregister(until(t), "p"); err != nil || existed {
		t.Errorf("%v, %v", existed, err)
	}
	_, err = h.Sessions.Start(until(t), api.SessionStartRequest{Protocol: "p", Members: []string{"a"}})
	wantError(t, err, api.NotFound, api.ReasonProtocolNotFound)
	if _, err := running.answer(until(t), x.ID, 1, "yes"); err != nil {
		t.Error(err)
	}
	if x = h.over(t, x.ID); x.State != api.SessionCompleted || x.Protocol != "p" {
		t.Errorf("a session whose protocol is gone: %+v", x)
	}
}

// What is no protocol is refused: {name only}, {type unknown}, nothing, {name null}, and settings that no session could have.
func TestProtocolsThatAreNone(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	if _, err := h.Protocols.Register(until(t), api.Protocol{Name: "q", Type: api.SessionVoting}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ body, reason string }{
		"name only":      {`{"name":"p"}`, api.ReasonMissingFields},
		"type unknown":   {`{"name":"p","type":"seance"}`, api.ReasonInvalidProtocolType},
		"nothing":        {`{}`, api.ReasonMissingFields},
		"null":           {`null`, api.ReasonMalformed},
		"name null":      {`{"name":null,"type":"voting"}`, api.ReasonMissingFields},
		"algorithm":      {`{"name":"p","type":"voting","algorithm":"dice"}`, api.ReasonConfiguration},
		"params":         {`{"name":"p","type":"voting","params":{"options":["one"]}}`, api.ReasonConfiguration},
		"unknown params": {`{"name":"p","type":"voting","params":{"opinions":[]}}`, api.ReasonConfiguration},
		"params no text": {`{"name":"p","type":"voting","params":"x"}`, api.ReasonConfiguration},
		"name no id":     {`{"name":"a b","type":"voting"}`, ""},
		"long doc":       {`{"name":"p","type":"voting","doc":"` + strings.Repeat("x", 4097) + `"}`, ""},
		"timeout":        {`{"name":"p","type":"voting","timeout":"48h"}`, ""},
	} {
		for verb, body := range map[string]string{"register": c.body, "update": strings.Replace(c.body, `"p"`, `"q"`, 1)} {
			if code, reason, answer := h.bare(t, "protocols."+verb, body); code != string(api.Invalid) || reason != c.reason {
				t.Errorf("%s, %s: %s (%s) %s", verb, name, code, reason, answer)
			}
		}
	}
	if list, err := h.Protocols.List(until(t)); err != nil || len(list) != 1 || list[0].Algorithm != api.BallotMajority {
		t.Errorf("%+v, %v", list, err)
	}
}

// A protocol can be registered for every type, and a session overrides what it says one by one.
func TestProtocolsOfEveryType(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.member(t, "a", always("yes"))
	params := map[api.SessionType]string{
		api.SessionSearch: `{"parameter_space":{"x":{"values":[1,2]}}}`, api.SessionTools: `{"steps":[{"id":"s","tool":"t"}]}`, api.SessionAllocation: `{"resources":{"cpu":1}}`,
	}
	for _, typ := range api.SessionTypes {
		if _, err := h.Protocols.Register(until(t), api.Protocol{Name: "p_" + string(typ), Type: typ, Params: json.RawMessage(params[typ])}); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
	}
	list, err := h.Protocols.List(until(t))
	if err != nil || len(list) != len(api.SessionTypes) {
		t.Errorf("%d, %v", len(list), err)
	}
	three := api.Protocol{Name: "three", Type: api.SessionVoting, Params: json.RawMessage(`{"options":["yes","no","perhaps"],"min_turnout":0.5,"tie":"first"}`)}
	if _, err := h.Protocols.Register(until(t), three); err != nil {
		t.Fatal(err)
	}
	x := h.hold(t, api.SessionStartRequest{Protocol: "three", Members: []string{"a"}, Params: json.RawMessage(`{"tie":"none"}`), Algorithm: api.BallotPlurality, Timeout: api.Duration(time.Minute)})
	var p api.BallotParams
	if err := json.Unmarshal(x.Params, &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Options) != 3 || p.Tie != api.TieNone || p.MinTurnout != api.One/2 || x.Algorithm != api.BallotPlurality || x.Timeout.Std() != time.Minute {
		t.Errorf("%+v of %+v", p, x)
	}
}

func TestProtocolPages(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	const n = 25
	for i := range n {
		if _, err := h.Protocols.Register(until(t), api.Protocol{Name: fmt.Sprintf("p%02d", (i*7)%n), Type: api.SessionVoting}); err != nil {
			t.Fatal(err)
		}
	}
	for _, limit := range []int{1, 10, n, 100} {
		var names []string
		for after := ""; ; {
			page := must(t, h.conn, api.ProtocolsList, api.PageRequest{After: after, Limit: limit})
			for _, p := range page.Protocols {
				names = append(names, p.Name)
			}
			if after = page.Next; after == "" {
				break
			}
		}
		for i, name := range names {
			if name != fmt.Sprintf("p%02d", i) {
				t.Errorf("limit %d: %v", limit, names)
				break
			}
		}
		if len(names) != n {
			t.Errorf("limit %d: %d names", limit, len(names))
		}
	}
}

// A registration with a request id that is repeated gets the first answer, on any replica.
func TestARepeatedRegistration(t *testing.T) {
	t.Parallel()
	h := newHall(t, 3)
	first, err := callID(t, h.conn, "r1", api.ProtocolsRegister, api.Protocol{Name: "p", Type: api.SessionVoting})
	if err != nil {
		t.Fatal(err)
	}
	for range 6 {
		if again, err := callID(t, h.conn, "r1", api.ProtocolsRegister, api.Protocol{Name: "p", Type: api.SessionVoting}); err != nil || !again.UpdatedAt.Equal(first.UpdatedAt) {
			t.Errorf("%+v, %v, want %+v", again, err, first)
		}
	}
	if _, err := callID(t, h.conn, "r1", api.ProtocolsRegister, api.Protocol{Name: "q", Type: api.SessionVoting}); api.CodeOf(err) != api.Conflict {
		t.Errorf("another body: %v", err)
	}
}
