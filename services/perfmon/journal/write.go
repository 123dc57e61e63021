package journal

import (
	"encoding/binary"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// PartBytes is how long a part becomes at most unless said otherwise, beyond the one series that crosses it.
const PartBytes = 512 << 10

// maxHead is how long the head of a part can be.
const maxHead = 3 + 6*binary.MaxVarintLen64

// Writer writes the parts of a batch. The zero value is ready.
type Writer struct {
	// Limit is how long a part becomes at most, beyond the one series that crosses it; PartBytes unless given.
	Limit int

	parts [][]byte // without their heads
	body  []byte
	table map[string]uint64
	group Group // that is open; its series are not kept
	open  bool  // in the part that is written now
}

// Delta says that a delta of a source is in the batch.
func (w *Writer) Delta(d Delta) {
	w.room()
	w.body = append(w.body, itemDelta)
	w.text(d.Source)
	w.text(d.Incarnation)
	for _, n := range []uint64{d.Seq, uint64(d.Interval.Milliseconds()), d.Dropped} {
		w.body = binary.AppendUvarint(w.body, n)
	}
}

// Group begins a group; its Series are not looked at.
func (w *Writer) Group(g Group) { w.group, w.open = g, false }

// Series writes a series of the group.
func (w *Writer) Series(metric string, sketch []byte) {
	w.room()
	if !w.open {
		w.open = true
		w.body = append(w.body, itemGroup, byte(w.group.Scope), byte(slices.Index(api.SourceKinds, w.group.Kind)))
		w.text(w.group.ID)
		w.text(w.group.Type)
		w.text(w.group.Host)
	}
	w.body = append(w.body, itemSeries)
	w.text(metric)
	w.body = binary.AppendUvarint(w.body, uint64(len(sketch)))
	w.body = append(w.body, sketch...)
}

// Empty tells whether nothing was written.
func (w *Writer) Empty() bool { return len(w.parts) == 0 && len(w.body) == 0 }

// Finish returns the parts, at least one, and begins anew. Part and Parts of the head are set by it.
func (w *Writer) Finish(h Head) [][]byte {
	w.cut()
	if len(w.parts) == 0 {
		w.parts = append(w.parts, nil)
	}
	for i, body := range w.parts {
		head := append(make([]byte, 0, maxHead+len(body)), magic, version, h.Flags)
		for _, n := range []uint64{h.Number, uint64(i), uint64(len(w.parts)), uint64(h.Minute), h.Records, h.Overrun} {
			head = binary.AppendUvarint(head, n)
		}
		w.parts[i] = append(head, body...)
	}
	parts := w.parts
	*w = Writer{Limit: w.Limit, body: w.body[:0], table: w.table}
	return parts
}

// room begins another part when this one is full.
func (w *Writer) room() {
	limit := w.Limit
	if limit <= 0 {
		limit = PartBytes
	}
	if len(w.body) >= limit {
		w.cut()
	}
}

func (w *Writer) cut() {
	if len(w.body) > 0 {
		w.parts = append(w.parts, slices.Clone(w.body))
	}
	w.body, w.open = w.body[:0], false
	clear(w.table)
}

func (w *Writer) text(s string) {
	if n := w.table[s]; n > 0 {
		w.body = binary.AppendUvarint(w.body, n)
		return
	}
	if w.table == nil {
		w.table = map[string]uint64{}
	}
	w.table[s] = uint64(len(w.table) + 1)
	w.body = append(w.body, 0)
	w.body = binary.AppendUvarint(w.body, uint64(len(s)))
	w.body = append(w.body, s...)
}
