package lockcheck

import "strconv"

// faultTime is how long faults may go on. Then the clients take the lock for the last time.
const faultTime = 40 * second

// plan draws the faults of a schedule. All have ended at faultTime.
func (w *world) plan() {
	if w.chance(50) {
		w.loss = 1 + w.rng.IntN(4)
		w.slow = 1 + w.rng.IntN(8)
	}
	w.at(faultTime, nil, func() { w.loss, w.slow = 0, 0 })
	for range w.rng.IntN(6) {
		at := w.between(second, faultTime-second)
		longest := 18 * second
		if w.chance(50) {
			longest = 3 * second
		}
		end := min(at+w.between(100*millisecond, longest), faultTime)
		kind := w.rng.IntN(9)
		w.at(at, nil, func() { w.strike(kind, end) })
	}
}

func (w *world) strike(kind int, end int64) {
	c := w.clients[w.rng.IntN(len(w.clients))]
	r := w.anyReplica()
	switch kind {
	case 0, 1:
		w.pause(c.proc, end)
	case 2:
		w.pause(r.proc, end)
	case 3:
		w.sever(c.proc, end)
	case 4:
		w.sever(r.proc, end)
	case 5:
		w.say(c.name, "crashes")
		c.crashed, c.crashedAt = true, w.now
	case 6:
		w.say(r.name, "crashes")
		r.crashed = true
		w.at(w.now+w.between(second/10, second), nil, func() {
			w.replicas = append(w.replicas, w.newReplica("r"+strconv.Itoa(len(w.replicas))))
		})
	case 7:
		w.say("store", "is out until %d ms", end/millisecond)
		w.store.down = max(w.store.down, end)
		w.reconnect(end)
	case 8:
		w.say("store", "has no leader until %d ms", end/millisecond)
		w.store.leaderless = max(w.store.leaderless, min(end, w.now+8*second))
	}
}

func (w *world) pause(p *proc, end int64) {
	w.say(p.name, "is paused until %d ms", end/millisecond)
	p.paused = max(p.paused, end)
	w.at(end, nil, func() { w.judge.look(w) })
}

func (w *world) sever(p *proc, end int64) {
	w.say(p.name, "is cut off until %d ms", end/millisecond)
	p.cut = max(p.cut, end)
	w.reconnect(end)
}

// reconnect lets the mirrors begin anew when a connection is back.
func (w *world) reconnect(at int64) {
	w.at(at+w.between(millisecond, 100*millisecond), nil, func() {
		for _, r := range w.replicas {
			if !r.crashed && r.leases.connected() {
				r.leases.reconnected()
				r.locks.reconnected()
			}
		}
	})
}

// anyReplica draws a replica that has not crashed, as a queue group does; one that is cut off or paused may still be in it.
func (w *world) anyReplica() *replica {
	first := w.rng.IntN(len(w.replicas))
	for i := range w.replicas {
		if r := w.replicas[(first+i)%len(w.replicas)]; !r.crashed {
			return r
		}
	}
	return w.replicas[first]
}
