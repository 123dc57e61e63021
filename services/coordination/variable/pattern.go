package variable

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf8"

	"github.com/mabus-project/mabus/shared/codec"
)

// Bounds of the work that a pattern may make, in instructions of the matcher and in steps.
const (
	maxPatternWeight = 32 << 10
	maxPatternSteps  = 16 << 20
)

// maxRepeat is the most that the regexp package repeats anything, nested repetitions multiplied.
const maxRepeat = 1000

var repetition = regexp.MustCompile(`\{([0-9]+)(?:,([0-9]*))?\}`)

// weigh returns a bound of the instructions that a pattern makes: each byte as one, as often as all repetitions together say.
func weigh(pattern string) int {
	times := 1
	for _, m := range repetition.FindAllStringSubmatch(pattern, -1) {
		for _, text := range []string{m[2], m[1]} {
			if n, err := strconv.Atoi(text); err == nil && n > 0 {
				times = min(times*min(n, maxRepeat), maxRepeat)
				break
			}
		}
	}
	return len(pattern) * times
}

// compile reads a pattern that all of a text must match.
func compile(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > MaxPattern {
		return nil, fmt.Errorf("it has %d bytes, at most %d are allowed", len(pattern), MaxPattern)
	}
	if !utf8.ValidString(pattern) {
		return nil, errors.New("it is not valid UTF-8")
	}
	if weigh(pattern) > maxPatternWeight {
		return nil, errors.New("it repeats too much: use max_length, or smaller counts")
	}
	// By itself first: "a)|(b" must not get through by what is put around it.
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, fmt.Errorf("it is no regular expression (RE2): %w", err)
	}
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}

// matches refuses what is no string, or one that the pattern does not match. Time is bounded by counting: a string so long that the
// pattern would take more than maxPatternSteps is refused.
func matches(pattern, kind string, value json.RawMessage) error {
	var s string
	if kind != "string" || codec.Read(value, &s) != nil {
		return fmt.Errorf("must be a string that matches %s", pattern)
	}
	if weigh(pattern)*len(s) > maxPatternSteps {
		return fmt.Errorf("has %d bytes, at most %d can be held against the pattern", len(s), maxPatternSteps/weigh(pattern))
	}
	re, err := compile(pattern)
	if err != nil {
		return err
	}
	if !re.MatchString(s) {
		return fmt.Errorf("must match %s", pattern)
	}
	return nil
}
