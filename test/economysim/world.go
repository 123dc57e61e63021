package economysim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// world is one schedule.
type world struct {
	bug    Bug
	drawer drawer
	now    time.Time
	fault  error
	result Result

	entries   []engine.Entry
	judge     judge
	replicas  []*engine.Engine[*realm.State]
	snapshots [][]byte

	writers []writer
	asked   []*request
	calls   int
	secrets map[string]secret
	archive map[string]bool // entities that are stored
}

// writer appends batches.
type writer struct {
	id     string
	number uint64
}

// request is a command with an id, and its first answer.
type request struct {
	command engine.Command
	at      time.Time
	reply   string
}

func newWorld(seed uint64, bug Bug) *world {
	w := &world{
		bug: bug, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), writers: make([]writer, 2), secrets: map[string]secret{}, archive: map[string]bool{},
	}
	w.drawer.Rand = rand.New(rand.NewPCG(seed, 0xec0))
	w.judge = newJudge(w)
	for i := range 2 {
		w.replicas = append(w.replicas, engine.New(w.machine(i+1)))
		w.writers[i] = writer{id: fmt.Sprintf("w%d.0", i)}
	}
	return w
}

func (w *world) fail(format string, args ...any) {
	if w.fault == nil {
		w.fault = fmt.Errorf(format, args...)
	}
}

// begin gives everybody something to spend, a stake and insurance, and has one of them slashed.
func (w *world) begin() {
	var first []engine.Command
	do := func(by, kind, format string, args ...any) {
		w.calls++
		c := engine.Command{Kind: kind, Principal: by, Body: fmt.Appendf(nil, format, args...)}
		c.Key = w.call(&c, fmt.Sprintf("id%06d", w.calls))
		first = append(first, c)
	}
	do(people[0], "assets.create", `{"id":"gold"}`)
	do(people[1], "assets.create", `{"id":"oil"}`)
	for _, p := range people {
		do(operator, "accounts.mint", `{"to":%q,"amount":"500000000"}`, p)
		do(people[0], "accounts.mint", `{"to":"%s/main/gold","amount":"20000000"}`, p)
		do(people[1], "accounts.mint", `{"to":"%s/main/oil","amount":"20000000"}`, p)
	}
	do(operator, "stakes.configure", `{"minimum":"1000","unbonding":"10s","appeal":"2s","recovery":"1s","rates":{"fraud":0.5,"late":0.1}}`)
	do(people[2], "pools.create", `{"id":"pool","rates":{"late":0.1,"fraud":0.2}}`)
	do(people[2], "pools.fund", `{"pool":"pool","amount":"200000000"}`)
	for _, p := range people {
		do(p, "stakes.put", `{"amount":"10000000"}`)
		do(p, "policies.buy", `{"id":"of-%s","pool":"pool","value":"5000000","types":["late","fraud"],"term":"10m"}`, p)
	}
	do(people[1], "violations.report", `{"id":"first","accused":%q,"kind":"fraud","ref":"x"}`, people[0])
	do(operator, "violations.judge", `{"request":{"id":"first","uphold":true}}`)
	w.append(first)
}

// step appends an entry, and lets the replicas read and die.
func (w *world) step() {
	r := &w.drawer
	switch n := r.IntN(100); {
	case n < 85:
		w.now = w.now.Add(time.Duration(r.IntN(800)) * time.Millisecond)
	case n < 99:
		w.now = w.now.Add(time.Duration(r.IntN(10)) * time.Second)
	default:
		w.now = w.now.Add(time.Duration(r.IntN(20)) * time.Minute)
	}
	var batch []engine.Command
	for range 1 + r.IntN(6) {
		c := w.command()
		if r.IntN(3) == 0 {
			c.ID, c.Hash = fmt.Sprintf("request%d", w.calls), fmt.Sprintf("hash%d", w.calls)
			w.asked = append(w.asked, &request{command: c, at: w.now})
		}
		batch = append(batch, c)
	}
	if n := len(w.asked); n > 0 && r.IntN(4) == 0 {
		if q := w.asked[n-1-r.IntN(min(n, 8))]; w.now.Sub(q.at) < engine.Keep { // later it would be carried out again
			c := q.command
			c.Key = w.call(&c, act.ParseCall(c.Key).ID)
			batch = append(batch, c)
		}
	}
	for f := range w.judge.e.Effects() {
		if r.IntN(2) == 0 {
			batch = append(batch, w.settle(f.Effect))
			if r.IntN(10) == 0 {
				batch = append(batch, w.settle(f.Effect))
			}
		}
	}
	r.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
	w.append(batch)
	for i := range w.replicas {
		w.live(i)
	}
}

// settle runs an effect.
func (w *world) settle(f engine.Effect) engine.Command {
	w.result.Effects++
	if entity, ok := strings.CutPrefix(f.ID, act.SaveEffect+"/"); ok {
		w.archive[entity] = true
		w.judge.archived(entity)
	}
	var page act.Page
	if f.Kind == act.PageEffect && codec.Read(f.Body, &page) == nil {
		w.judge.paged(page)
	}
	return engine.OutcomeCommand(f.ID, w.outcome(f))
}

// append adds an entry to the log, now and then twice.
func (w *world) append(batch []engine.Command) {
	if w.fault != nil {
		return
	}
	r := &w.drawer
	a := &w.writers[r.IntN(len(w.writers))]
	if r.IntN(40) == 0 { // the process began anew
		a.id, a.number = fmt.Sprintf("w%d", w.calls), 0
	}
	a.number++
	e := w.judge.e
	b := engine.Batch{
		Machine: "economics", Log: "log", Version: 1, Writer: a.id, Number: a.number, Applied: e.Seq(), AppliedTime: e.Time(), Claim: e.Hash(), Commands: batch,
	}
	data := b.Append(nil)
	w.enter(data)
	if r.IntN(12) == 0 {
		w.enter(data)
	}
}

func (w *world) enter(data []byte) {
	if w.fault != nil {
		return
	}
	en := engine.Entry{Seq: uint64(len(w.entries)) + 1, Time: w.now, Data: data}
	w.entries = append(w.entries, en)
	w.judge.apply(en)
}

// live lets a replica read, die, store a snapshot and begin anew from one.
func (w *world) live(i int) {
	r := &w.drawer
	if r.IntN(25) == 0 {
		w.result.Kills++
		w.replicas[i] = engine.New(w.machine(i + 1))
		if n := len(w.snapshots); n > 0 {
			w.replicas[i] = w.restored(i+1, w.snapshots[n-1-r.IntN(min(n, 2))])
		}
	}
	if r.IntN(2) == 0 {
		w.catchUp(i, r.IntN(8))
	}
	if r.IntN(25) == 0 && w.fault == nil {
		if data, err := w.replicas[i].Snapshot(); err == nil {
			w.snapshots = append(w.snapshots, data)
		} else {
			w.fail("snapshot: %w", err)
		}
	}
}

// restored reads a snapshot back. What it then writes must be the same.
func (w *world) restored(i int, snapshot []byte) *engine.Engine[*realm.State] {
	e, err := engine.Restore(w.machine(i), snapshot)
	if err != nil {
		w.fail("restore: %w", err)
		return engine.New(w.machine(i))
	}
	again, err := e.Snapshot()
	if err != nil || !bytes.Equal(again, snapshot) {
		w.fail("a snapshot of entry %d reads back as another (%v)", e.Seq(), err)
	}
	return e
}

// catchUp has a replica read entries.
func (w *world) catchUp(i, most int) {
	e := w.replicas[i]
	for n := e.Seq(); n < uint64(len(w.entries)) && most > 0 && w.fault == nil; n++ {
		a, err := e.Apply(w.spoilEntry(w.entries[n]))
		if err != nil {
			w.fail("replica %d: %w", i+1, err)
			return
		}
		if a.Contradicts {
			w.fail("replica %d has another history than the writer of entry %d", i+1, a.Seq)
		}
		most--
	}
}

// end lets all effects come to their end, and compares the replicas.
func (w *world) end() {
	for range 6 {
		var batch []engine.Command
		for f := range w.judge.e.Effects() {
			batch = append(batch, w.settle(f.Effect))
		}
		w.now = w.now.Add(4 * time.Minute)
		w.append(batch)
	}
	want, err := w.judge.e.Snapshot()
	if err != nil {
		w.fail("snapshot: %w", err)
	}
	w.restored(0, want)
	for i := range w.replicas {
		w.catchUp(i, len(w.entries))
		if have, err := w.replicas[i].Snapshot(); w.fault == nil && (err != nil || !bytes.Equal(have, want)) {
			w.fail("replica %d has another state (%v)", i+1, err)
		}
	}
}
