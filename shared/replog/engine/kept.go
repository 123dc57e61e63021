package engine

import (
	"container/heap"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// maxAhead is how far in the future the time of a request id may lie.
const maxAhead = time.Hour

// answer is the first answer to a command with an id.
type answer struct {
	key   string // see requestKey
	hash  string
	body  []byte
	err   *api.Error
	until int64 // when it is dropped
}

// size is about what the answer costs in memory.
func (a *answer) size() int {
	n := 160 + len(a.key) + len(a.hash) + len(a.body)
	if a.err != nil {
		n += 160 + len(a.err.Message)
		for _, f := range a.err.Details.Fields {
			n += 16 + len(f)
		}
	}
	return n
}

// answers are those that are kept, and a heap of them by when they are dropped.
type answers struct {
	byKey map[string]*answer
	queue answerHeap
	size  int
}

// requestKey names a request: whoever asks under which id. No two pairs give the same.
func requestKey(dst []byte, c *Command) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(c.Principal)))
	return append(append(dst, c.Principal...), c.ID...)
}

// full tells whether no more answers are taken in.
func (k *answers) full() bool { return k.size >= MaxKept }

func (k *answers) add(a *answer) {
	if k.byKey == nil {
		k.byKey = map[string]*answer{}
	}
	k.byKey[a.key] = a
	k.size += a.size()
	heap.Push(&k.queue, a)
}

// drop drops what has been kept for long enough.
func (k *answers) drop(now int64) {
	for len(k.queue) > 0 && k.queue[0].until < now {
		a := heap.Pop(&k.queue).(*answer)
		delete(k.byKey, a.key)
		k.size -= a.size()
	}
}

// keepUntil returns until when the answer to an id is kept that is executed now: for Keep, and as long as checkAge lets it pass.
func keepUntil(id string, now int64) int64 {
	if made, ok := idTime(id); ok {
		return plus(max(made, now), Keep)
	}
	return plus(now, Keep)
}

// checkAge refuses an id that is a UUIDv7 and older than answers are kept: it may have been carried out, and forgotten.
func checkAge(id string, now int64) *api.Error {
	made, ok := idTime(id)
	switch {
	case ok && plus(made, Keep) < now:
		return api.Errorf(api.FailedPrecondition, "this request id is too old to be repeated: read what became of it, and use a new id").
			WithReason(api.ReasonRequestExpired)
	case ok && made > plus(now, maxAhead):
		return api.Errorf(api.Invalid, "the request id is a UUIDv7 of a time to come: set your clock").WithFields(api.HeaderRequestID)
	}
	return nil
}

// idTime returns the time within an id that is a UUIDv7 in its usual form, or derived from one by ".".
func idTime(id string) (int64, bool) {
	if len(id) < 36 || id[8] != '-' || id[13] != '-' || id[14] != '7' || id[18] != '-' || id[23] != '-' {
		return 0, false
	}
	base, _, _ := strings.Cut(id, ".")
	raw, err := hex.DecodeString(strings.ReplaceAll(base, "-", ""))
	if len(base) != 36 || err != nil || len(raw) != 16 || raw[8]>>6 != 2 {
		return 0, false
	}
	var ms int64
	for _, b := range raw[:6] {
		ms = ms<<8 | int64(b)
	}
	return nanos(time.UnixMilli(ms)), true
}

type answerHeap []*answer

func (h answerHeap) Len() int           { return len(h) }
func (h answerHeap) Less(i, j int) bool { return h[i].until < h[j].until }
func (h answerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *answerHeap) Push(x any)        { *h = append(*h, x.(*answer)) }

func (h *answerHeap) Pop() any {
	last := len(*h) - 1
	a := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return a
}
