package console

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// message is what a browser gets: in a snapshot all rows of all tables, in a change those that are other.
type message struct {
	// Now is the time of the message, by which the browser tells ages.
	Now time.Time `json:"now"`
	// Connected tells whether the console reaches NATS.
	Connected bool              `json:"connected"`
	Page      string            `json:"page"`
	ID        string            `json:"id,omitempty"`
	Console   *about            `json:"console,omitempty"`
	Tables    map[string]change `json:"tables"`
}

// about is what a page shows of the console itself.
type about struct {
	Namespace string `json:"namespace"`
	Principal string `json:"principal,omitempty"`
	Write     bool   `json:"write"`
	Version   string `json:"version,omitempty"`
}

// state says how true a table is.
type state struct {
	// At is when it was last read; zero if it never was.
	At time.Time `json:"at,omitzero"`
	// StaleAfter is after how many milliseconds without a read it is to be taken for old.
	StaleAfter int64 `json:"stale_after"`
	// Error is why the last attempt to read it failed.
	Error *api.Error `json:"error,omitempty"`
	// Total is how many rows there are, of which some may not be sent; More says that there are even more.
	Total int  `json:"total"`
	More  bool `json:"more,omitempty"`
}

// change is what has become of a table.
type change struct {
	state
	Set  map[string]json.RawMessage `json:"set,omitempty"`
	Gone []string                   `json:"gone,omitempty"`
}

// frame is a message as a server-sent event.
func frame(event string, m message) []byte {
	data, err := codec.Marshal(m)
	if err != nil { // rows are JSON already, so only a row that is no JSON could do that
		data = []byte(`{}`)
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", event, data)
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}
