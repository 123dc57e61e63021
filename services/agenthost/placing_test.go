package agenthost_test

import (
	"fmt"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Starts go by what hosts report of their loads, and by far not all to the one that is idle.
func TestStartsGoByLoads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	leases := map[string]string{}
	for _, id := range []string{"h1", "h2"} {
		leases[id] = w.host(t, counted(id)).lease.ID()
	}
	seq := uint64(1) << 40 // above their own
	tell := func(memory int64) {
		t.Helper()
		seq++
		for id, cpu := range map[string]api.Measure{"h1": 1, "h2": 0} {
			body, err := codec.Marshal(api.HostLoad{Host: id, Lease: leases[id], Seq: seq, CPUs: 4, CPU: cpu, MemoryTotal: memory})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Conn().NC.Publish(api.LoadSubject(w.Conn().Namespace, id), body); err != nil {
				t.Fatal(err)
			}
		}
	}
	tell(0) // a host that cannot tell, which ends the average of what it has told before
	tell(1 << 30)
	for _, junk := range []string{`{}`, `nonsense`, `{"host":"h1","lease":"l","seq":1,"cpu":7}`, `{"host":"h1","lease":"l","cpus":-1}`} {
		if err := w.Conn().NC.Publish(api.LoadSubject(w.Conn().Namespace, "h1"), []byte(junk)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Conn().NC.Flush(); err != nil {
		t.Fatal(err)
	}
	const starts = 120
	on := map[string]int{}
	for i := range starts {
		tell(1 << 30) // an old report counts no more
		a := w.start(t, api.AgentSpec{ID: fmt.Sprint("a", i), Module: "counting"})
		on[a.Host]++
	}
	// A busy host counts for a quarter of an idle one, so 96 of 120 are expected on h2, give or take 4.
	if on["h2"] < 76 || on["h1"] < 8 {
		t.Errorf("%v: h1 reports that it is busy, h2 that it is idle", on)
	}
}
