package weigh

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// vote is how much a member is for the proposal, and how sure it is: both 0 to 1.
type vote struct{ number, confidence api.Decimal }

// words are the votes that are no numbers.
var words = map[string]api.Decimal{"approve": api.One, "yes": api.One, "reject": 0, "no": 0, "neutral": half}

// read reads an answer, or refuses it as invalid_answer.
func read(raw json.RawMessage) (vote, error) {
	raw = bytes.Trim(raw, " \t\r\n")
	a := api.WeighAnswer{Vote: raw}
	if len(raw) > 0 && raw[0] == '{' {
		a.Vote = nil
		if err := codec.Decode(raw, &a); err != nil {
			return vote{}, refuse(api.AsError(err).Message)
		}
	}
	v := vote{confidence: api.One}
	if a.Confidence != nil {
		v.confidence = *a.Confidence
	}
	if !unit(v.confidence) {
		return vote{}, refuse("confidence must be 0 to 1")
	}
	var err error
	v.number, err = number(bytes.Trim(a.Vote, " \t\r\n"))
	return v, err
}

func number(raw []byte) (api.Decimal, error) {
	if len(raw) == 0 {
		return 0, refuse("it has no vote")
	}
	switch raw[0] {
	case 't', 'f':
		var yes bool
		if err := codec.Decode(raw, &yes); err != nil {
			return 0, refuse(api.AsError(err).Message)
		}
		if yes {
			return api.One, nil
		}
		return 0, nil
	case '"':
		var word string
		if err := codec.Decode(raw, &word); err != nil {
			return 0, refuse(api.AsError(err).Message)
		}
		n, ok := words[strings.ToLower(strings.TrimSpace(word))]
		if !ok {
			return 0, refuse("there is no such word for a vote")
		}
		return n, nil
	}
	n, err := api.ParseDecimal(string(raw))
	switch {
	case err != nil:
		return 0, refuse(err.Error())
	case !unit(n):
		return 0, refuse("a number must be 0 to 1")
	}
	return n, nil
}

func refuse(why string) error {
	return api.Errorf(api.Invalid, `this is no vote: %s. Answer {"vote": "approve", "neutral", "reject" or a number from 0 to 1, "confidence": 0 to 1}`, why).
		WithReason(api.ReasonInvalidAnswer).WithFields("answer")
}
