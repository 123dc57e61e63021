package engine

// due is an answer with when it is dropped, and its place among all that were ever added.
type due struct {
	until int64
	place uint64
	*answer
}

// before puts answers of the same time in one order everywhere, that of the log, since it decides which of them are dropped.
func (d *due) before(o *due) bool {
	return d.until < o.until || d.until == o.until && d.place < o.place
}

// dues are a binary heap, the first to be dropped at 0. container/heap would want an object for each push, and there is one with each
// command.
type dues []due

func (h *dues) push(d due) {
	*h = append(*h, d)
	q, i := *h, len(*h)-1
	for i > 0 {
		parent := (i - 1) / 2
		if !d.before(&q[parent]) {
			break
		}
		q[i] = q[parent]
		i = parent
	}
	q[i] = d
}

func (h *dues) pop() due {
	q := *h
	last := len(q) - 1
	first, d := q[0], q[last]
	q[last] = due{}
	q = q[:last]
	*h = q
	if last == 0 {
		return first
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && q[child+1].before(&q[child]) {
			child++
		}
		if !q[child].before(&d) {
			break
		}
		q[i] = q[child]
		i = child
	}
	q[i] = d
	return first
}
