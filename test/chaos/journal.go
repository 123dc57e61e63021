package chaos

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/test/lockcheck"
)

// entry is a line of a journal. An operation has one before it is asked for and one when its answer has come, so that it is known of
// an operation that was cut off.
type entry struct {
	N  int          `json:"n,omitempty"` // names the operation
	Op lockcheck.Op `json:"op,omitzero"`
	// Over says that the answer has come, or that there will be none.
	Over bool `json:"over,omitempty"`
	// Held says that the client knew at this time that it held the ticket of Op.
	Held int64 `json:"held,omitempty"`
	// Done says that the client came to its end as it should.
	Done bool `json:"done,omitempty"`
}

// journal is what one client of locks did. Each line is written at once, so that it outlives the process.
type journal struct {
	mu   sync.Mutex
	file *os.File
	n    int
}

func (j *journal) write(e entry) {
	line, err := codec.Marshal(e)
	if err != nil {
		panic(err) // it has no value that cannot be written
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		panic(err) // a history with gaps is none
	}
}

// begin records that an operation is about to be asked for.
func (j *journal) begin(o *lockcheck.Op) int {
	j.n++
	o.Call = now()
	j.write(entry{N: j.n, Op: *o})
	return j.n
}

func (j *journal) end(n int, o lockcheck.Op) { j.write(entry{N: n, Op: o, Over: true}) }

func now() int64 { return time.Now().UnixNano() }

// history is what the journal of one client tells.
type history struct {
	ops    []lockcheck.Op
	grants int
	last   int64 // when the newest grant came
	done   bool
}

// readJournal reads the journal of a client, of which the last line may be cut off.
func readJournal(path string, client int) (*history, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	h := &history{}
	ops, held := map[int]*entry{}, map[string]int64{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e entry
		if err := codec.Read(lines.Bytes(), &e); err != nil {
			if bytes.HasSuffix(data, lines.Bytes()) {
				break
			}
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		switch {
		case e.Done:
			h.done = true
		case e.Held > 0:
			held[e.Op.Ticket] = max(held[e.Op.Ticket], e.Held)
		default:
			ops[e.N] = &e
		}
	}
	h.collect(ops, held, client)
	return h, lines.Err()
}

// collect makes the history. A hold ends when its holder last knew of it: one that was stopped for a while does nothing before
// it looks again, and one that was killed does nothing any more.
func (h *history) collect(ops map[int]*entry, held map[string]int64, client int) {
	for _, e := range ops {
		o := e.Op
		o.Client, o.Unknown = client, o.Unknown || !e.Over
		if o.Kind == lockcheck.Release {
			o.Call = max(held[o.Ticket], 1)
		}
		h.ops = append(h.ops, o)
		if o.Kind != lockcheck.Acquire || !o.OK || o.Unknown {
			continue
		}
		h.grants++
		h.last = max(h.last, o.Return)
		h.ops = append(h.ops, lockcheck.Op{
			Client: client, Kind: lockcheck.Lost, Lock: o.Lock, Ticket: o.Ticket, Token: o.Token, Call: max(held[o.Ticket], o.Return),
		})
	}
	slices.SortFunc(h.ops, func(a, b lockcheck.Op) int { return cmp.Compare(a.Call, b.Call) })
}
