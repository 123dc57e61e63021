package lockcheck

// cellRecord is the value of the guarded cell's key.
type cellRecord struct {
	token uint64
	value string
}

func cellOf(e entry) cellRecord {
	if c, _ := e.value.(*cellRecord); c != nil {
		return *c
	}
	return cellRecord{}
}

// cell opens, puts or gets the cell, always from what the leader says.
func (r *replica) cell(q *request) { r.cellFrom(q, 0, false) }

// cellFrom is cell once more. Tried says that a write over the revision before may have happened: then whoever finds another
// revision and not his own value cannot tell whether it did, and must not write again.
func (r *replica) cellFrom(q *request, before uint64, tried bool) {
	r.w.store.read(r.proc, cellKey, func(e entry, ok bool) {
		c := cellOf(e)
		switch {
		case !ok:
			q.answer(answer{verdict: unsure})
			return
		case q.what == Get:
			q.answer(answer{value: c.value})
			return
		case tried && e.rev != before && r.w.bug != PutTwice:
			if q.what == Put && c.value == q.value {
				q.answer(answer{})
			} else {
				q.answer(answer{verdict: unsure})
			}
			return
		case q.token < c.token && r.w.bug != NoFence:
			q.answer(answer{verdict: gone})
			return
		}
		next := &cellRecord{q.token, c.value}
		if q.what == Put {
			next.value = q.value
		}
		r.w.store.write(r.proc, cellKey, e.rev, next, func(o outcome, _ uint64) {
			if o == stored {
				q.answer(answer{value: c.value})
			} else {
				r.cellFrom(q, e.rev, tried || o == unclear)
			}
		})
	})
}
