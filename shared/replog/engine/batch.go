package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Entry is one message of the log's stream.
type Entry struct {
	// Seq is its sequence in the stream, from 1 on.
	Seq uint64
	// Time is the stream's timestamp of the message.
	Time time.Time
	// Data is a Batch, or something that does not belong here.
	Data []byte
}

// Batch is what a replica, the writer, appends at once.
//
// A writer keeps the bytes of a batch, and appends them until it sees a copy of just these bytes carried out, or skipped. SkipStale and
// SkipForeign are final for them, since no later copy can be less stale, so the commands go into a new batch of the same number. After
// SkipUnknown they go into the first batch under a new id: under the old one, copies of older batches might fit into the new numbers.
type Batch struct {
	// Machine is the name of the machine.
	Machine string
	// Log is the id of the log: chosen at random by whoever writes the first entry.
	Log string
	// Version is that of the rules in force as the writer saw them. In the first entry it puts them in force.
	Version int
	// Writer is the replica, under an id that was never used before.
	Writer string
	// Number counts the batches of the writer: 1, 2, 3...
	Number uint64
	// Applied is the last sequence that the writer had applied, AppliedTime the time of the log then, and Claim the hash of its chain.
	Applied     uint64
	AppliedTime time.Time
	Claim       [32]byte
	// Commands are carried out in order. A batch without any is a tick.
	Commands []Command
}

// magic begins each entry; the last byte is the format. Another format is for another binary: see ErrVersion.
const magic = "mlog\x02"

// minCommand is how many bytes a command takes at least: six lengths.
const minCommand = 6

// ErrFormat is the error of ParseBatch for a batch that a newer binary has written in another format.
var ErrFormat = errors.New("the entry has a format that this binary does not know: upgrade it")

var errNoBatch = errors.New("not a batch")

// Append appends the batch in its one binary form: magic, strings after their lengths, numbers as uvarints, times as big-endian
// nanoseconds since 1970; of each command first the six lengths and then the texts.
func (b *Batch) Append(dst []byte) []byte {
	dst = append(dst, magic...)
	dst = appendString(dst, b.Machine)
	dst = appendString(dst, b.Log)
	dst = binary.AppendUvarint(dst, uint64(b.Version))
	dst = appendString(dst, b.Writer)
	dst = binary.AppendUvarint(dst, b.Number)
	dst = binary.AppendUvarint(dst, b.Applied)
	dst = appendInt(dst, nanos(b.AppliedTime))
	dst = append(dst, b.Claim[:]...)
	dst = binary.AppendUvarint(dst, uint64(len(b.Commands)))
	for i := range b.Commands {
		c := &b.Commands[i]
		for _, n := range [...]int{len(c.Kind), len(c.Principal), len(c.ID), len(c.Hash), len(c.Key), len(c.Body)} {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
		dst = append(dst, c.Kind...)
		dst = append(dst, c.Principal...)
		dst = append(dst, c.ID...)
		dst = append(dst, c.Hash...)
		dst = append(dst, c.Key...)
		dst = append(dst, c.Body...)
	}
	return dst
}

// Size is how many bytes the command takes in an entry at most.
func (c *Command) Size() int {
	return 6*4 + len(c.Kind) + len(c.Principal) + len(c.ID) + len(c.Hash) + len(c.Key) + len(c.Body)
}

// ParseBatch reads what Append has written, and nothing else. The bodies of the commands are parts of data.
func ParseBatch(data []byte) (*Batch, error) {
	last := len(magic) - 1
	if len(data) <= last || string(data[:last]) != magic[:last] || len(data) > MaxEntry {
		return nil, errNoBatch
	}
	if data[last] != magic[last] {
		return nil, ErrFormat
	}
	r := &reader{data: data[len(magic):]}
	b := &Batch{Machine: r.string(), Log: r.string(), Version: r.number(), Writer: r.string(), Number: r.uvarint(), Applied: r.uvarint()}
	b.AppliedTime, b.Claim = moment(r.int()), r.sum()
	n := r.count(minCommand)
	if b.Machine == "" || b.Log == "" || b.Writer == "" || b.Number == 0 || b.Version == 0 || n > MaxCommands {
		return nil, errNoBatch
	}
	if n > 0 {
		b.Commands = make([]Command, n)
	}
	for i := range b.Commands {
		if !r.command(&b.Commands[i]) {
			return nil, fmt.Errorf("command %d: %w", i, errNoBatch)
		}
	}
	if !r.done() {
		return nil, errNoBatch
	}
	return b, nil
}

// command reads a command. Its texts share one string, so that to keep one of them keeps no more than those.
func (r *reader) command(c *Command) bool {
	var ends [5]uint64
	var total uint64
	for i := range ends {
		n := r.uvarint()
		if n > uint64(len(r.data)) {
			return false
		}
		total += n
		ends[i] = total
	}
	body := r.uvarint()
	if body > MaxCommandSize {
		return false
	}
	text := string(r.take(total))
	c.Body = r.take(body)
	if r.bad {
		return false
	}
	c.Kind, c.Principal, c.ID = text[:ends[0]], text[ends[0]:ends[1]], text[ends[1]:ends[2]]
	c.Hash, c.Key = text[ends[2]:ends[3]], text[ends[3]:ends[4]]
	return true
}
