package journal

// Bounds of what waits for its other parts.
const (
	maxSenders = 1 << 10
	maxWaiting = 1 << 12 // parts of one batch
)

// Assembler puts the parts of batches together, of any number of senders. The zero value is ready.
type Assembler struct {
	senders map[string]*gathering
}

// gathering is what has come of a batch.
type gathering struct {
	number uint64
	parts  []*Batch // by part
	have   int
}

// Add takes a part of a sender's batch, and returns the batch once all of them have come, in whatever order. Of a sender one batch is
// gathered at a time: what it had begun before is dropped, because it has ended in the middle of that.
func (a *Assembler) Add(sender string, part *Batch) *Batch {
	if part.Parts == 1 {
		delete(a.senders, sender)
		return part
	}
	if part.Parts > maxWaiting {
		return nil
	}
	g := a.senders[sender]
	if g == nil || g.number != part.Number || len(g.parts) != part.Parts {
		if a.senders == nil || len(a.senders) >= maxSenders {
			a.senders = map[string]*gathering{} // nobody has so many replicas: these are not from us
		}
		g = &gathering{number: part.Number, parts: make([]*Batch, part.Parts)}
		a.senders[sender] = g
	}
	if g.parts[part.Part] == nil {
		g.have++
	}
	g.parts[part.Part] = part
	if g.have < len(g.parts) {
		return nil
	}
	delete(a.senders, sender)
	all := *g.parts[0]
	for _, p := range g.parts[1:] {
		all.Deltas = append(all.Deltas, p.Deltas...)
		all.Groups = append(all.Groups, p.Groups...)
	}
	return &all
}
