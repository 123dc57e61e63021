package variable

// NewWithRoom returns a state that holds no more than so many bytes.
func NewWithRoom(room int) *State {
	s := New()
	s.room = room
	return s
}

// Size is the estimate that the bound is held against.
func (s *State) Size() int { return s.size }

// Of the rules of values, for their own tests.
var (
	Normal           = normal
	Equal            = equal
	CheckValue       = checkValue
	CheckConstraints = checkConstraints
)

// CompareNumbers compares two JSON numbers.
func CompareNumbers(a, b string) int { return readNumber(a).compare(readNumber(b)) }

// NumberText is the text that equal numbers share, and whether they are integers.
func NumberText(a string) (string, bool) { return readNumber(a).String(), readNumber(a).integer() }
