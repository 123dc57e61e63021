package api

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Measure is a number that was measured: a latency, a share of a processor, a percentile. It travels as a JSON number in its shortest
// form. It is never for what decides, because what many replicas decide must not depend on how a processor rounds (see Decimal).
// There is no measure that is not a number or infinite: neither is written or read.
type Measure float64

// MarshalJSON implements json.Marshaler.
func (m Measure) MarshalJSON() ([]byte, error) {
	if !m.Finite() {
		return nil, errors.New("a measure is a finite number")
	}
	return m.append(nil), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *Measure) UnmarshalJSON(text []byte) error {
	// JSON's numbers are among those that ParseFloat takes; the others begin with something else, or are refused here.
	if len(text) == 0 || text[0] != '-' && (text[0] < '0' || text[0] > '9') {
		return fmt.Errorf("want a number, have %.40q", text)
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return fmt.Errorf("want a number of at most 1.7e308 in either direction, have %.40q", text)
	}
	if !Measure(v).Finite() {
		return fmt.Errorf("want a finite number, have %.40q", text)
	}
	*m = Measure(v)
	return nil
}

// Finite tells whether m is a number that can be written.
func (m Measure) Finite() bool { return !math.IsNaN(float64(m)) && !math.IsInf(float64(m), 0) }

// String returns the shortest digits that read back as m, for example "0.25" or "1e-07".
func (m Measure) String() string { return string(m.append(nil)) }

func (m Measure) append(b []byte) []byte {
	if m == 0 {
		return append(b, '0') // and no sign on it
	}
	form := byte('f')
	if size := math.Abs(float64(m)); size < 1e-6 || size >= 1e21 {
		form = 'e'
	}
	return strconv.AppendFloat(b, float64(m), form, -1, 64)
}
