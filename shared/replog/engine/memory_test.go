package engine_test

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// TestMemoryFollowsWhatIsLive creates, uses and drops a million entities, each with a timer, an effect, and requests with ids.
func TestMemoryFollowsWhatIsLive(t *testing.T) {
	const warm, all, each = 10_000, 1_000_000, 200
	l := newTape(t, counter())
	heap := func() uint64 {
		l.entries = l.entries[:0:0]
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var seq, before uint64
	b := l.batch("a")
	var data []byte
	for n := 0; n < all; n += each {
		b.Commands = b.Commands[:0]
		for i := n; i < n+each; i++ {
			id := strconv.Itoa(i)
			c := add(id, 1)
			if i%50 == 0 {
				c.Principal, c.ID, c.Hash = "ann", id, "h"
			}
			b.Commands = append(b.Commands, c)
			if i%10 == 0 {
				b.Commands = append(b.Commands, alarm(id, l.now.Add(time.Second)), do(id), engine.OutcomeCommand(id, nil))
			}
			b.Commands = append(b.Commands, engine.Command{Kind: "drop", Key: id})
		}
		seq++
		b.Number, b.Applied, b.AppliedTime, b.Claim = seq, l.e.Seq(), l.e.Time(), l.e.Hash()
		data = b.Append(nil)
		a, err := l.e.Apply(engine.Entry{Seq: seq, Time: l.now, Data: data})
		if err != nil || a.Skipped != "" {
			t.Fatal(err, a.Skipped)
		}
		l.after(2 * time.Second)
		for k := range l.e.State().Fired { // what timers leave behind is the machine's to clear
			delete(l.e.State().Fired, k)
		}
		if n+each == warm {
			before = heap()
		}
	}
	after := heap()
	t.Logf("%d KiB after %d entities, %d KiB after %d", before>>10, warm, after>>10, all)
	if after > before+4<<20 {
		t.Errorf("the heap has grown from %d to %d bytes", before, after)
	}
	if n := l.e.Pending(); n != 0 || len(l.e.State().Values) != 0 {
		t.Errorf("%d effects, %d values are left", n, len(l.e.State().Values))
	}
	if kept, _ := l.e.Kept(); kept == 0 || kept > 2*int(engine.Keep/(2*time.Second))*each/50 {
		t.Errorf("%d answers are kept", kept)
	}
	runtime.KeepAlive(data)
}
