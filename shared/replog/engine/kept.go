package engine

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// maxAhead is how far in the future the time of a request id may lie.
const maxAhead = time.Hour

// answer is the first answer to a command with an id. Very many are kept, so what it says is one text: the fewer objects there are, the
// less there is for the collection of garbage to look at.
type answer struct {
	text       string // the key (see requestKey), the hash of the request and the body
	hash, body uint32 // where they begin
	err        *api.Error
}

// newAnswer returns an answer with an error or a body. It keeps copies.
func newAnswer(key []byte, hash string, body []byte, err *api.Error) *answer {
	a := &answer{hash: uint32(len(key)), body: uint32(len(key) + len(hash)), err: err}
	var text strings.Builder
	text.Grow(len(key) + len(hash) + len(body))
	text.Write(key)
	text.WriteString(hash)
	text.Write(body)
	a.text = text.String()
	return a
}

func (a *answer) key() string { return a.text[:a.hash] }

// says returns the hash of the request, and the answer's body.
func (a *answer) says() (hash, body string) { return a.text[a.hash:a.body], a.text[a.body:] }

// size is about what the answer costs in memory.
func (a *answer) size() int {
	n := 160 + len(a.text)
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
	timed dues
	other dues
	count uint64 // of all that ever were added
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
func (k *answers) makeRoom(timed bool, now int64) bool {
	if !timed && k.untimed >= MaxKept/2 {
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

// add keeps an answer until a time. timed says that its id tells when it was made.
func (k *answers) add(a *answer, until int64, timed bool) {
	if k.byKey == nil {
		k.byKey = map[string]*answer{}
	}
	k.byKey[a.key()] = a
	k.size += a.size()
	k.count++
	h := &k.timed
	if !timed {
		h = &k.other
		k.untimed += a.size()
	}
	h.push(due{until, k.count, a})
}

func (k *answers) pop(h *dues) {
	a := h.pop().answer
	delete(k.byKey, a.key())
	k.size -= a.size()
	if h == &k.other {
		k.untimed -= a.size()
	}
}

// drop drops what has been kept for long enough.
func (k *answers) drop(now int64) {
	for _, h := range []*dues{&k.timed, &k.other} {
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

// keepUntil returns until when the answer to an id is kept that is executed now: for Keep, and as long as checkAge lets it pass. made is the
// time that the id tells, if it is timed.
func keepUntil(made int64, timed bool, now int64) int64 {
	if timed {
		return plus(max(made, now), Keep)
	}
	return plus(now, Keep)
}

// checkAge refuses an id that is a UUIDv7 and older than answers are kept: it may have been carried out, and forgotten.
func checkAge(made int64, timed bool, now, floor int64) *api.Error {
	switch {
	case timed && (plus(made, Keep) < now || made <= floor):
		return api.Errorf(api.FailedPrecondition, "this request id is too old to be repeated: read what became of it, and use a new id").
			WithReason(api.ReasonRequestExpired)
	case timed && made > plus(now, maxAhead):
		return api.Errorf(api.Invalid, "the request id is a UUIDv7 of a time to come: set your clock").WithFields(api.HeaderRequestID)
	}
	return nil
}

// idTime returns the time within an id that is a UUIDv7 in its usual form, or derived from one by ".".
func idTime(id string) (int64, bool) {
	const size = 36
	if len(id) < size || len(id) > size && id[size] != '.' || id[14] != '7' {
		return 0, false
	}
	var ms int64 // of the first 12 digits
	for i := range size {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if id[i] != '-' {
				return 0, false
			}
			continue
		}
		digit, ok := hexDigit(id[i])
		if !ok || i == 19 && digit>>2 != 2 { // which is the variant
			return 0, false
		}
		if i < 13 {
			ms = ms<<4 | digit
		}
	}
	return nanos(time.UnixMilli(ms)), true
}

func hexDigit(c byte) (int64, bool) {
	switch {
	case '0' <= c && c <= '9':
		return int64(c - '0'), true
	case 'a' <= c && c <= 'f':
		return int64(c-'a') + 10, true
	case 'A' <= c && c <= 'F':
		return int64(c-'A') + 10, true
	}
	return 0, false
}
