package ballot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// vote is what a member has answered: options by their place in the list.
type vote struct {
	abstains bool
	picks    []int
}

// wanted is the field of the answer that an algorithm asks for.
func wanted(algorithm string) string {
	switch algorithm {
	case api.BallotRankedChoice:
		return api.BallotRanking
	case api.BallotApproval:
		return api.BallotApprovals
	}
	return api.BallotChoice
}

// read reads an answer, or refuses it as invalid_answer.
func (b *box) read(raw json.RawMessage) (vote, error) {
	raw = bytes.Trim(raw, " \t\r\n")
	if len(raw) == 0 {
		return vote{}, b.refuse("it is empty")
	}
	var a api.BallotAnswer
	var err error
	switch raw[0] {
	case '"':
		if err = codec.Decode(raw, &a.Choice); err == nil && fold(a.Choice) == abstain {
			a = api.BallotAnswer{Abstain: true}
		}
	case 't', 'f':
		var yes bool
		err = codec.Decode(raw, &yes)
		a.Choice = map[bool]string{true: "yes", false: "no"}[yes]
	case '[':
		list := []string{}
		err = codec.Decode(raw, &list)
		switch b.wanted {
		case api.BallotRanking:
			a.Ranking = list
		case api.BallotApprovals:
			a.Approvals = list
		default:
			return vote{}, b.refuse("one option is wanted, not a list")
		}
	default:
		err = codec.Decode(raw, &a)
	}
	if err != nil {
		return vote{}, b.refuse(api.AsError(err).Message)
	}
	return b.take(&a)
}

// take checks an answer that could be read.
func (b *box) take(a *api.BallotAnswer) (vote, error) {
	given := 0
	for _, is := range []bool{a.Choice != "", a.Ranking != nil, a.Approvals != nil, a.Abstain} {
		if is {
			given++
		}
	}
	if given != 1 {
		return vote{}, b.refuse("give one of " + b.wanted + " and abstain")
	}
	var named []string
	switch {
	case a.Abstain && !*b.params.Abstain:
		return vote{}, b.refuse("nobody may abstain here")
	case a.Abstain:
		return vote{abstains: true}, nil
	case a.Choice != "":
		named = []string{a.Choice}
	case a.Ranking != nil && b.wanted == api.BallotRanking && len(a.Ranking) > 0:
		named = a.Ranking
	case a.Approvals != nil && b.wanted == api.BallotApprovals:
		named = a.Approvals
	default:
		return vote{}, b.refuse("give " + b.wanted)
	}
	v := vote{picks: make([]int, 0, min(len(named), len(b.params.Options)))}
	for _, name := range named {
		i, ok := b.place[fold(name)]
		if !ok {
			return vote{}, b.refuse("it names what is no option")
		}
		if slices.Contains(v.picks, i) {
			return vote{}, b.refuse("it names an option twice")
		}
		v.picks = append(v.picks, i)
	}
	return v, nil
}

func (b *box) refuse(why string) error {
	const most = 5 // options that the message repeats
	options := fmt.Sprintf("%q", b.params.Options[:min(most, len(b.params.Options))])
	if n := len(b.params.Options); n > most {
		options += fmt.Sprintf(" and %d more", n-most)
	}
	return api.Errorf(api.Invalid, "this is no vote: %s. Answer {%q: ...} with options of %s", why, b.wanted, options).
		WithReason(api.ReasonInvalidAnswer).WithFields("answer")
}
