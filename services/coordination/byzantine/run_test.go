package byzantine_test

import (
	"testing"

	"github.com/mabus-project/mabus/services/coordination/byzantine"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/pbft"
)

const value = `{"pay":5}` // the session's question, without spaces

func TestFirstCertificateEndsTheSession(t *testing.T) {
	p := newPlay(t, 4, "")
	p.join()
	p.ask(api.PhaseRun)
	var run api.ByzantineRun
	if err := codec.Decode(p.of("m3").Ask, &run); err != nil || len(run.Members) != 4 || run.F != 1 || string(run.Value) != value || run.Timeout.Std() != byzantine.ViewTimeout {
		t.Fatalf("%+v, %v", run, err)
	}
	if step := rules.Step(p.s); step.Round != nil || step.Result != nil || step.Reason != "" {
		t.Errorf("%+v before the first answer", step)
	}
	p.of("m0").State = api.AskFailed
	p.answer("m2", outcome(t, p.certificate("s1", value, 1, "m0", "m1", "m3")))
	r := p.result()
	if string(r.Decision) != value || r.View != 3 || r.F != 1 || r.FByKeys != 1 || r.FByHosts != 1 {
		t.Errorf("%+v", r)
	}
	var c pbft.Certificate
	if err := codec.Decode(r.Certificate, &c); err != nil || len(c.Signatures) != 3 {
		t.Errorf("%s, %v", r.Certificate, err)
	}
}

func TestForgedCertificates(t *testing.T) {
	p := newPlay(t, 4, "")
	p.join()
	p.ask(api.PhaseRun)
	good := p.certificate("s1", value, 1, "m0", "m1", "m2")
	for name, c := range map[string]*pbft.Certificate{
		"too few":         p.certificate("s1", value, 1, "m0", "m1"),
		"one signs twice": p.certificate("s1", value, 1, "m0", "m1", "m1"),
		"another session": p.certificate("s2", value, 1, "m0", "m1", "m2"),
		"another value":   p.certificate("s1", `{"pay":500}`, 1, "m0", "m1", "m2"),
		"another number":  p.certificate("s1", value, 2, "m0", "m1", "m2"),
		"a renamed one": func() *pbft.Certificate {
			c := p.certificate("s2", value, 1, "m0", "m1", "m2")
			c.Session = "s1"
			return c
		}(),
		"another view": func() *pbft.Certificate { c := *good; c.View++; return &c }(),
		"a changed value": func() *pbft.Certificate {
			c := p.certificate("s1", `{"pay":6}`, 1, "m0", "m1", "m2")
			c.Value = []byte(value)
			return c
		}(),
		"a stranger": func() *pbft.Certificate {
			c := p.certificate("s1", value, 1, "m0", "m1", "m2")
			c.Signatures[2].Member = "m9"
			return c
		}(),
		"another's name": func() *pbft.Certificate {
			c := p.certificate("s1", value, 1, "m0", "m1", "m2")
			c.Signatures[2].Member = "m3"
			return c
		}(),
		"no signature": func() *pbft.Certificate {
			c := p.certificate("s1", value, 1, "m0", "m1", "m2")
			c.Signatures[2].Sig = nil
			return c
		}(),
	} {
		if err := p.try("m0", outcome(t, c)); api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != api.ReasonInvalidAnswer {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.answer("m0", outcome(t, good))
	p.result()
}

// Signatures of a member who has not joined cannot be had.
func TestAbsentMembersAreFaulty(t *testing.T) {
	p := newPlay(t, 4, "")
	p.join("h0", "-")
	p.ask(api.PhaseRun)
	if n := len(p.s.Rounds[1].Asks); n != 3 {
		t.Errorf("%d are asked", n)
	}
	var run api.ByzantineRun
	if err := codec.Read(p.of("m0").Ask, &run); err != nil || len(run.Members) != 4 || run.Members[3].ID != "m1" || run.Members[3].Key == p.public("m1") {
		t.Fatalf("the absent come last, with a key of nobody's: %+v, %v", run, err)
	}
	if err := p.try("m0", outcome(t, p.certificate("s1", value, 1, "m0", "m1", "m2"))); api.ReasonOf(err) != api.ReasonInvalidAnswer {
		t.Error(err)
	}
	p.answer("m0", outcome(t, p.certificate("s1", value, 1, "m0", "m2", "m3")))
	if r := p.result(); r.F != 1 || r.FByKeys != 0 || r.FByHosts != 0 {
		t.Errorf("one is faulty already: %+v", r)
	}
	p = newPlay(t, 4, "")
	p.join("h0", "-", "-")
	p.fails(api.ReasonInsufficientAgents)
}

// Members that share a key, or a host, can all be made to lie at once.
func TestSharedKeysAndHosts(t *testing.T) {
	for name, c := range map[string]struct {
		n              int
		same           []string // hold m0's key
		hosts          []string
		byKeys, byHost int
	}{
		"all apart":      {7, nil, nil, 2, 2},
		"one host":       {7, nil, []string{"h", "h", "h", "h", "h", "h", "h"}, 2, 0},
		"two on a host":  {7, nil, []string{"h0", "h0"}, 2, 1},
		"two with a key": {7, []string{"m1"}, nil, 1, 2},
		"all with a key": {4, []string{"m1", "m2", "m3"}, nil, 0, 1},
		"hosts unknown":  {4, nil, []string{"", "", "", ""}, 1, 0},
	} {
		p := newPlay(t, c.n, "")
		for _, m := range c.same {
			p.keys[m] = p.keys["m0"]
		}
		p.join(c.hosts...)
		p.ask(api.PhaseRun)
		everybody := []string{"m0", "m1", "m2", "m3", "m4", "m5", "m6"}[:c.n]
		p.answer("m0", outcome(t, p.certificate("s1", value, 1, everybody...)))
		if r := p.result(); r.FByKeys != c.byKeys || r.FByHosts != c.byHost {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestHostsAsFaultDomain(t *testing.T) {
	for name, c := range map[string]struct {
		n     int
		hosts []string
		ok    bool
	}{
		"four hosts":            {4, nil, true},
		"three hosts":           {4, []string{"h0", "h0"}, false},
		"unknown hosts":         {4, []string{"", "", "", ""}, false},
		"one runs half of them": {8, []string{"h", "h", "h", "h"}, false},
		"two on one of six":     {7, []string{"h", "h"}, true},
	} {
		p := newPlay(t, c.n, `{"fault_domain":"host"}`)
		p.join(c.hosts...)
		if !c.ok {
			p.fails(api.ReasonInsufficientAgents)
		} else if rules.Step(p.s).Round == nil {
			t.Errorf("%s: %+v", name, rules.Step(p.s))
		}
	}
}

func TestNoCertificate(t *testing.T) {
	p := newPlay(t, 4, "")
	p.join()
	p.ask(api.PhaseRun)
	p.of("m1").State = api.AskFailed
	if step := rules.Step(p.s); step.Reason != "" {
		t.Errorf("%+v while three may still agree", step)
	}
	p.of("m3").State = api.AskSilent
	p.fails(byzantine.ReasonNoAgreement) // two cannot
}

func TestOneMemberAlone(t *testing.T) {
	p := newPlay(t, 1, `{"f":0}`)
	p.join()
	p.ask(api.PhaseRun)
	p.answer("m0", outcome(t, p.certificate("s1", value, 1, "m0")))
	if r := p.result(); r.F != 0 {
		t.Errorf("%+v", r)
	}
}
