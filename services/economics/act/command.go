package act

import (
	"strconv"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Command is a rule: it changes drafts, that of its domain and those of the act, and returns the answer.
type Command[D any] func(a *Act, d D, body []byte) (any, error)

// On makes a command from a rule whose request is in the body. A request that checks itself is checked.
func On[D, Req, Resp any](f func(*Act, D, *Req) (*Resp, error)) Command[D] {
	return func(a *Act, d D, body []byte) (any, error) {
		r := new(Req)
		if err := codec.Read(body, r); err != nil {
			return nil, api.Errorf(api.Invalid, "the request cannot be read: %v", err).WithReason(api.ReasonMalformed)
		}
		if v, ok := any(r).(api.Validator); ok {
			if err := v.Validate(); err != nil {
				return nil, err
			}
		}
		return f(a, d, r)
	}
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// Call is what a replica says of a request beside the request itself. It is the key of the command.
type Call struct {
	// ID is new, see Act.ID.
	ID string
	// Operator and Taken are those of Act.
	Operator, Taken bool
	// Entity is what the request wants to create under an id of its own, "" otherwise, and Seen the entry of the log up to which the replica
	// knew what there was when it found that nothing has this id.
	Entity string
	Seen   uint64
}

// String writes the call: the id, a letter for what is true, and the entity with what was seen.
func (c Call) String() string {
	s := c.ID + "."
	if c.Operator {
		s += "o"
	}
	if c.Taken {
		s += "t"
	}
	if c.Entity != "" {
		s += "." + decimal(c.Seen) + "." + c.Entity
	}
	return s
}

// ParseCall reads what String has written.
func ParseCall(s string) Call {
	id, rest, _ := strings.Cut(s, ".")
	flags, rest, _ := strings.Cut(rest, ".")
	seen, entity, _ := strings.Cut(rest, ".")
	c := Call{ID: id, Operator: strings.Contains(flags, "o"), Taken: strings.Contains(flags, "t"), Entity: entity}
	if seen != "" {
		c.Seen, _ = strconv.ParseUint(seen, 10, 64) // none is as good as nothing seen
	}
	return c
}
