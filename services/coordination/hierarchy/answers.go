package hierarchy

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// electionOf reads whom a member names: {"representative": name}, or the name alone.
func electionOf(ask *api.SessionAsk, answer json.RawMessage) (string, error) {
	var shown api.HierarchyElectionAsk
	if err := codec.Read(ask.Ask, &shown); err != nil {
		return "", refused("the question cannot be read")
	}
	var e api.HierarchyElection
	into := any(&e)
	if quoted(answer) {
		into = &e.Representative
	}
	if err := codec.Decode(answer, into); err != nil {
		return "", refused(`answer with {"representative": name} or the name alone: %v`, err)
	}
	if !slices.Contains(shown.Members, e.Representative) {
		return "", refused("name one of the cluster: %v", shown.Members)
	}
	return e.Representative, nil
}

// voteOf reads a vote. With delegates it may also name a member of the cluster who votes in place of this one.
func voteOf(ask *api.SessionAsk, answer json.RawMessage, delegates bool) (api.HierarchyVote, error) {
	var v api.HierarchyVote
	var shown api.HierarchyVoteAsk // the question to a representative has the same options
	if err := codec.Read(ask.Ask, &shown); err != nil {
		return v, refused("the question cannot be read")
	}
	switch trimmed := string(bytes.TrimSpace(answer)); {
	case trimmed == "true":
		v.Vote = "yes"
	case trimmed == "false":
		v.Vote = "no"
	case quoted(answer):
		if err := codec.Decode(answer, &v.Vote); err != nil {
			return v, refused("the vote cannot be read: %v", err)
		}
		if _, ok := match(shown.Options, v.Vote); !ok && strings.EqualFold(strings.TrimSpace(v.Vote), "abstain") {
			return api.HierarchyVote{Abstain: true}, nil
		}
	default:
		if err := codec.Decode(answer, &v); err != nil {
			return v, refused(`answer with {"vote": one of %q}: %v`, shown.Options, err)
		}
	}
	given := 0
	for _, has := range []bool{v.Vote != "", v.Delegate != "", v.Abstain} {
		if has {
			given++
		}
	}
	if given != 1 {
		return v, refused("give one of vote, delegate and abstain")
	}
	return v, checkVote(&v, &shown, ask.Member, delegates)
}

func checkVote(v *api.HierarchyVote, shown *api.HierarchyVoteAsk, member string, delegates bool) error {
	switch {
	case v.Vote != "":
		option, ok := match(shown.Options, v.Vote)
		if !ok {
			return refused("the vote must be one of %q", shown.Options)
		}
		v.Vote = option
	case v.Delegate == "":
	case !delegates:
		return refused("a representative votes itself, or abstains")
	case v.Delegate == member:
		return refused("%s cannot delegate to itself", member)
	case !slices.Contains(shown.Members, v.Delegate):
		return refused("delegate to one of the cluster: %v", shown.Members)
	}
	return nil
}

// match finds an option as it is written, or else in other case.
func match(options []string, vote string) (string, bool) {
	if slices.Contains(options, vote) {
		return vote, true
	}
	vote = strings.TrimSpace(vote)
	i := slices.IndexFunc(options, func(o string) bool { return strings.EqualFold(o, vote) })
	if i < 0 {
		return "", false
	}
	return options[i], true
}

func quoted(answer json.RawMessage) bool {
	trimmed := bytes.TrimSpace(answer)
	return len(trimmed) > 0 && trimmed[0] == '"'
}

func refused(format string, args ...any) error {
	return api.Errorf(api.Invalid, format, args...).WithReason(api.ReasonInvalidAnswer).WithFields("answer")
}
