package api

import (
	"fmt"
	"strconv"
)

// Micro is an amount of money in millionths of the namespace's unit, for example of a dollar. It travels as a JSON string
// of digits, because JavaScript loses integers above 2^53.
type Micro int64

// MarshalText implements encoding.TextMarshaler.
func (m Micro) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(m), 10), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Micro) UnmarshalText(text []byte) error {
	v, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return fmt.Errorf("want an amount in micro-units as a string of digits, such as \"1500000\", have %.40q", text)
	}
	*m = Micro(v)
	return nil
}

// String returns the digits.
func (m Micro) String() string { return strconv.FormatInt(int64(m), 10) }
