// Package transcript holds the pure rules of the chain of hashes that each entity of the economy has: every step of an auction, a market
// or an account is a link, a receipt carries the head, and a transcript that is signed by the service is checked without the service.
package transcript

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Step is a link of the chain with what it stands for.
type Step = api.TranscriptStep

// Page is how many steps are archived together. Pages are the same whoever archives them: steps 1 to 256, 257 to 512...
const Page = 256

// MaxBody bounds what one step says, in bytes.
const MaxBody = 256 << 10

// MaxRecent is how many steps may wait to be archived; then further ones are refused.
const MaxRecent = 64 * Page

// Log is the chain of one entity, and its steps as far as they are not archived.
type Log struct {
	Count uint64 `json:"count"`
	// Head is the last link, in hex; "" before the first.
	Head string `json:"head,omitempty"`
	// Archived steps are in the archive, always whole pages; Asked are those whose archiving has begun.
	Archived uint64 `json:"archived,omitempty"`
	Asked    uint64 `json:"asked,omitempty"`
	// Stored are pages, by their first step, that were archived before one that comes before them.
	Stored []uint64 `json:"stored,omitempty"`
	// Recent are the steps after Archived.
	Recent []Step `json:"recent,omitempty"`
}

// Add adds a step and moves the head. Only slices of a copy of the log grow: the original does not see it. It is refused as overloaded
// while too many steps wait to be archived.
func (l *Log) Add(entity string, at time.Time, what, by string, body any, salt string) error {
	if len(l.Recent) >= MaxRecent {
		return api.Errorf(api.Overloaded, "%d steps of %s are not archived yet: try again in a moment", len(l.Recent), entity).WithReason(api.ReasonLogFull)
	}
	raw, err := codec.Marshal(body)
	if err != nil {
		return api.Errorf(api.Invalid, "what happened cannot be written down: %v", err)
	}
	if len(raw) > MaxBody {
		return api.Errorf(api.Invalid, "a step of %s has %d bytes, at most %d are allowed", entity, len(raw), MaxBody).WithReason(api.ReasonPayloadTooLarge)
	}
	s := Step{Number: l.Count + 1, At: at, What: what, By: by, Body: raw, Salt: salt}
	said := digest(raw, salt)
	l.Head = link(l.Head, entity, &s, said[:])
	l.Count++
	l.Recent = append(l.Recent, s)
	return nil
}

// Due tells whether a page is full whose archiving has not begun, and marks it as begun: from is its first step.
func (l *Log) Due() (from uint64, due bool) {
	if l.Count-l.Asked < Page {
		return 0, false
	}
	from = l.Asked + 1
	l.Asked += Page
	return from, true
}

// Steps returns those of Recent from a step on, at most limit of them. They must not be changed.
func (l *Log) Steps(from uint64, limit int) []Step {
	if from <= l.Archived || from > l.Count {
		return nil
	}
	s := l.Recent[from-l.Archived-1:]
	return s[:min(limit, len(s))]
}

// StoredPage drops a page that is archived now, by the number of its first step, once all pages before it are.
func (l *Log) StoredPage(from uint64) {
	if from <= l.Archived || from > l.Asked || slices.Contains(l.Stored, from) {
		return
	}
	l.Stored = append(slices.Clone(l.Stored), from)
	for {
		i := slices.Index(l.Stored, l.Archived+1)
		if i < 0 {
			return
		}
		l.Stored = slices.Delete(l.Stored, i, i+1)
		l.Recent = slices.Clone(l.Recent[Page:])
		l.Archived += Page
	}
}

// Withhold returns the step without what it says, but with the digest of that.
func Withhold(s Step) Step {
	if s.Digest == "" {
		d := digest(s.Body, s.Salt)
		s.Digest = string(d[:])
	}
	s.Body, s.Salt = nil, ""
	return s
}

// hexSum is a SHA-256 in hex.
type hexSum [2 * sha256.Size]byte

func sumOf(data []byte) (h hexSum) {
	sum := sha256.Sum256(data)
	hex.Encode(h[:], sum[:])
	return h
}

// usual is a size that most of what is hashed has at most, so that it needs no memory of its own.
const usual = 512

// digest is SHA-256 over the salt's length, the salt and the body, in hex.
func digest(body json.RawMessage, salt string) hexSum {
	buf := text(make([]byte, 0, usual), salt)
	return sumOf(append(buf, body...))
}

// link is SHA-256 over the texts head, entity, what, by and digest, each after its length as uvarint, and number and time (ns since 1970)
// as varints between them.
func link(head, entity string, s *Step, digest []byte) string {
	buf := text(make([]byte, 0, usual), head)
	buf = text(buf, entity)
	buf = binary.AppendUvarint(buf, s.Number)
	buf = binary.AppendVarint(buf, s.At.UnixNano())
	buf = text(buf, s.What)
	buf = text(buf, s.By)
	sum := sumOf(text(buf, digest))
	return string(sum[:])
}

func text[T ~string | ~[]byte](buf []byte, s T) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}
