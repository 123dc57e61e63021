package console

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	maxRows = 2000     // rows of one table; rows.total says how many there are
	maxBody = 64 << 10 // bytes of a JSON value within a row
)

// feed reads one table of a page, from one goroutine.
type feed struct {
	table string
	// slow is how many paces there are between two reads; 1 unless given.
	slow float64
	// hint is a subject below the namespace whose messages tell that a read is due.
	hint string
	read func(ctx context.Context, c *client.Client) (rows, error)
	// close ends what read has opened; optional.
	close func()
}

func (f *feed) every(pace time.Duration) time.Duration {
	if f.slow > 0 {
		pace = time.Duration(float64(pace) * f.slow)
	}
	return pace
}

// rows are the rows of a table by their keys, each of a type of shared/api, or written already as a json.RawMessage.
type rows struct {
	by map[string]any
	// total is how many there are, if more than those in by; open says that even that is not all.
	total int
	open  bool
}

func (r *rows) add(key string, row any) {
	if r.by == nil {
		r.by = map[string]any{}
	}
	r.by[key] = row
}

// one is a table of one row.
func one(key string, row any, err error) (rows, error) {
	if err != nil {
		return rows{}, err
	}
	return rows{by: map[string]any{key: row}}, nil
}

// written is a read in the form in which it is sent.
func (r rows) written() (map[string]json.RawMessage, error) {
	out := make(map[string]json.RawMessage, len(r.by))
	for key, row := range r.by {
		if raw, ok := row.(json.RawMessage); ok {
			out[key] = raw
			continue
		}
		data, err := codec.Marshal(row)
		if err != nil {
			return nil, fmt.Errorf("write row %s: %w", key, err)
		}
		out[key] = data
	}
	return out, nil
}

// clip replaces a JSON value that is too large for a row by a text that says so.
func clip(raw json.RawMessage) json.RawMessage {
	if len(raw) <= maxBody {
		return raw
	}
	return json.RawMessage(fmt.Sprintf(`"(%d bytes: too large to be shown here)"`, len(raw)))
}

// shown is an error as a browser gets it. What is no answer of a service is not told in full.
func shown(err error) *api.Error {
	if e := api.AsError(err); e != nil {
		return e
	}
	if strings.Contains(err.Error(), context.DeadlineExceeded.Error()) {
		return api.Errorf(api.DeadlineExceeded, "no answer came in time")
	}
	return api.Errorf(api.Internal, "it could not be read; the log of the console says why")
}
