package hostload_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/hostload"
)

var begin = time.Unix(1_700_000_000, 0)

func report(lease string, seq uint64, cpu float64, agents ...api.AgentLoad) *api.HostLoad {
	return &api.HostLoad{Host: "h", Lease: lease, Seq: seq, CPUs: 4, CPU: api.Measure(cpu), MemoryShare: 0.5, MemoryTotal: 100, Running: len(agents), Agents: agents}
}

func TestViewKeepsWhatWasSaidLast(t *testing.T) {
	var v hostload.View
	v.Hear(report("l1", 1, 0.2, api.AgentLoad{ID: "a", Waiting: 3, Active: 1}), begin)
	h := v.Hosts(begin)["l1"]
	if h.ID != "h" || h.CPU != 0.2 || h.Memory != 0.5 || h.Waiting != 3 || h.Active != 1 || h.Running != 1 || h.CPUs != 4 {
		t.Errorf("%+v", h)
	}
	v.Hear(report("l1", 3, 1, api.AgentLoad{ID: "b", Waiting: 7}), begin.Add(5*time.Second))
	want := 0.2 + (1-math.Exp(-1))*0.8
	if h = v.Hosts(begin.Add(5 * time.Second))["l1"]; math.Abs(h.CPU-want) > 1e-9 || math.Abs(h.Waiting-(3+(1-math.Exp(-1))*7)) > 1e-9 {
		t.Errorf("%+v, want cpu %g", h, want)
	}
	if v.Hear(report("l1", 2, 0), begin.Add(6*time.Second)) {
		t.Error("a report that was overtaken was taken in")
	}
	if again := v.Hosts(begin.Add(6 * time.Second))["l1"]; again != h {
		t.Errorf("%+v after an old report", again)
	}
	for id, waiting := range map[string]int{"a": 3, "b": 7} {
		if a, ok := v.Agent("l1", id, begin.Add(6*time.Second)); !ok || a.Waiting != waiting {
			t.Errorf("%s: %+v, %v", id, a, ok)
		}
	}
	if _, ok := v.Agent("l1", "c", begin); ok {
		t.Error("an agent is known of which nothing was said")
	}
	if _, ok := v.Agent("l2", "a", begin); ok {
		t.Error("an agent is known on a host of which nothing was said")
	}
}

func TestWhatIsOldCountsNoMore(t *testing.T) {
	var v hostload.View
	v.Hear(report("l1", 1, 0.2, api.AgentLoad{ID: "a", Waiting: 3}), begin)
	v.Hear(report("l1", 2, 0.2), begin.Add(hostload.Fresh-1))
	later := begin.Add(hostload.Fresh + 1)
	if _, ok := v.Agent("l1", "a", later); ok {
		t.Error("an old report of an agent counts")
	}
	if len(v.Hosts(later)) != 1 || len(v.Hosts(later.Add(hostload.Fresh))) != 0 {
		t.Error("a host counts for as long as its report does")
	}
}

func TestAHostThatCannotTell(t *testing.T) {
	var v hostload.View
	v.Hear(&api.HostLoad{Host: "h", Lease: "l1", Seq: 1}, begin)
	if h := v.Hosts(begin)["l1"]; !math.IsNaN(h.CPU) || !math.IsNaN(h.Memory) {
		t.Errorf("%+v", h)
	}
	v.Hear(report("l1", 2, 0.5), begin.Add(time.Second))
	if h := v.Hosts(begin.Add(time.Second))["l1"]; h.CPU != 0.5 {
		t.Errorf("%+v", h)
	}
}

// However reports come, the view is bounded, averages stay within what was reported, and nothing is known that was not said.
func TestViewIsBounded(t *testing.T) {
	var v hostload.View
	for i := range hostload.MaxHosts + 10 {
		v.Hear(report(fmt.Sprint("l", i), 1, 0.2), begin)
	}
	if n := len(v.Hosts(begin)); n != hostload.MaxHosts {
		t.Errorf("%d hosts", n)
	}
	v.Hear(report("new", 1, 0.2), begin.Add(2*hostload.Fresh))
	if n := len(v.Hosts(begin.Add(2 * hostload.Fresh))); n != 1 {
		t.Errorf("%d hosts, where one has reported of late", n)
	}
	rapid.Check(t, func(t *rapid.T) {
		var v hostload.View
		now, least, most := begin, 1.0, 0.0
		for i := range rapid.IntRange(1, 50).Draw(t, "reports") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "pause")))
			cpu := rapid.Float64Range(0, 1).Draw(t, "cpu")
			v.Hear(report("l", uint64(i+1), cpu), now)
			least, most = min(least, cpu), max(most, cpu)
			if h := v.Hosts(now)["l"]; h.CPU < least-1e-9 || h.CPU > most+1e-9 {
				t.Fatalf("%g is not between %g and %g", h.CPU, least, most)
			}
		}
	})
}

// Activity is an average over the time, not over the reports.
func TestActivity(t *testing.T) {
	var v hostload.View
	at := func(seconds float64) time.Time { return begin.Add(time.Duration(seconds * float64(time.Second))) }
	v.Hear(report("l", 1, 0, api.AgentLoad{ID: "a", Waiting: 8, Active: 2}, api.AgentLoad{ID: "b", Active: 1}), at(0))
	v.Hear(report("l", 2, 0, api.AgentLoad{ID: "a"}, api.AgentLoad{ID: "b", Active: 1}), at(1)) // a has had 10 for one second
	for i := range 8 {
		v.Hear(report("l", uint64(3+i), 0, api.AgentLoad{ID: "a"}, api.AgentLoad{ID: "b", Active: 1}), at(1.01+float64(i)/100))
	}
	v.Hear(report("l", 20, 0, api.AgentLoad{ID: "a"}, api.AgentLoad{ID: "b", Active: 1}), at(11))
	got := v.Activity("l", at(16))
	if want := 10 * math.Exp(-15.0/30); math.Abs(got["a"]-want) > 1e-6 || math.Abs(got["b"]-1) > 1e-6 {
		t.Errorf("%v, want a %g", got, want)
	}
	if got := v.Activity("l", at(60)); len(got) != 0 {
		t.Errorf("%v a minute later", got)
	}
}

// A host tells of itself alone: on its own subject, and not under the lease by which another reports.
func TestNobodyReportsForAnother(t *testing.T) {
	body, err := codec.Marshal(report("l1", 1, 0.2))
	if err != nil {
		t.Fatal(err)
	}
	if l := hostload.Read("ns", "ns.load.h", body); l == nil || l.Host != "h" || l.Lease != "l1" {
		t.Errorf("its own: %+v", l)
	}
	for subject, data := range map[string][]byte{
		"ns.load.evil": body, "other.load.h": body, "ns.load.": body, "": body, "ns.load.h": nil, "ns.load.h ": body, "ns.load.h.x": []byte(`{"host":"h.x","lease":"l","seq":1}`),
	} {
		if l := hostload.Read("ns", subject, data); l != nil {
			t.Errorf("%s: %+v", subject, l)
		}
	}
	var v hostload.View
	v.Hear(report("l1", 1, 0.2), begin)
	forged := report("l1", math.MaxUint64, 1, api.AgentLoad{ID: "a", Waiting: 100})
	forged.Host = "evil"
	v.Hear(forged, begin.Add(time.Second))
	v.Hear(report("l1", 2, 0.2), begin.Add(2*time.Second))
	if h := v.Hosts(begin.Add(2 * time.Second))["l1"]; h.ID != "h" || h.CPU != 0.2 || h.Waiting != 0 || !h.Heard.Equal(begin.Add(2*time.Second)) {
		t.Errorf("%+v", h)
	}
	later := begin.Add(2*time.Second + 2*hostload.Fresh)
	v.Hear(forged, later) // of the one before nothing is heard any more
	if h := v.Hosts(later)["l1"]; h.ID != "evil" {
		t.Errorf("%+v", h)
	}
	huge := report("l2", 1, 0.5, api.AgentLoad{ID: "a", Waiting: math.MaxInt, Active: math.MaxInt})
	if huge.Validate() == nil {
		t.Error("as many messages as there cannot be are taken")
	}
}
