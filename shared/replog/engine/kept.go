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
	timed bool  // its id tells when it was made
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

// answers are those that are kept, and heaps of them by when they are dropped: of ids that tell their time, and of others.
type answers struct {
	byKey map[string]*answer
	timed answerHeap
	other answerHeap
	size  int
	// untimed is the size of those in other: at most half of all, since they cannot be dropped early.
	untimed int
	// floor is the time up to which ids are too old to be carried out, because answers to such were dropped early.
	floor int64
}

// requestKey names a request: whoever asks under which id. No two pairs give the same.
func requestKey(dst []byte, c *Command) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(c.Principal)))
	return append(append(dst, c.Principal...), c.ID...)
}

// makeRoom drops the oldest answers early when they take too much, and lets no id of their time be carried out any more. It fails when
// they are all young, and for an id that does not tell its time when there are too many such, since nobody would know them again.
func (k *answers) makeRoom(id string, now int64) bool {
	if _, timed := idTime(id); !timed && k.untimed >= MaxKept/2 {
		return false
	}
	for k.size >= MaxKept {
		if len(k.timed) == 0 {
			return false
		}
		asked := k.timed[0].until - int64(Keep)
		if asked > now-int64(KeepAtLeast) {
			return false
		}
		k.floor = max(k.floor, asked)
		k.pop(&k.timed)
	}
	return true
}

func (k *answers) add(a *answer) {
	if k.byKey == nil {
		k.byKey = map[string]*answer{}
	}
	k.byKey[a.key] = a
	k.size += a.size()
	if _, a.timed = idTime(requestID(a.key)); !a.timed {
		k.untimed += a.size()
	}
	heap.Push(k.heap(a), a)
}

func (k *answers) heap(a *answer) *answerHeap {
	if a.timed {
		return &k.timed
	}
	return &k.other
}

func (k *answers) pop(h *answerHeap) {
	a := heap.Pop(h).(*answer)
	delete(k.byKey, a.key)
	k.size -= a.size()
	if !a.timed {
		k.untimed -= a.size()
	}
}

// drop drops what has been kept for long enough.
func (k *answers) drop(now int64) {
	for _, h := range []*answerHeap{&k.timed, &k.other} {
		for len(*h) > 0 && (*h)[0].until < now {
			k.pop(h)
		}
	}
}

// requestID returns the id within a key.
func requestID(key string) string {
	size, n := binary.Uvarint([]byte(key[:min(len(key), binary.MaxVarintLen64)]))
	if n <= 0 || size > uint64(len(key)-n) {
		return ""
	}
	return key[uint64(n)+size:]
}

// keepUntil returns until when the answer to an id is kept that is executed now: for Keep, and as long as checkAge lets it pass.
func keepUntil(id string, now int64) int64 {
	if made, ok := idTime(id); ok {
		return plus(max(made, now), Keep)
	}
	return plus(now, Keep)
}

// checkAge refuses an id that is a UUIDv7 and older than answers are kept: it may have been carried out, and forgotten.
func checkAge(id string, now, floor int64) *api.Error {
	made, ok := idTime(id)
	switch {
	case ok && (plus(made, Keep) < now || made <= floor):
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

func (h answerHeap) Len() int { return len(h) }

// Less puts answers of the same time in one order everywhere, since it decides which of them are dropped.
func (h answerHeap) Less(i, j int) bool {
	return h[i].until < h[j].until || h[i].until == h[j].until && h[i].key < h[j].key
}

func (h answerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *answerHeap) Push(x any)   { *h = append(*h, x.(*answer)) }

func (h *answerHeap) Pop() any {
	last := len(*h) - 1
	a := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return a
}
