package refine

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const half = api.One / 2 // stands for a confidence or a score that nobody has given

// proposal is one member's in one round.
type proposal struct {
	member, text string
	confidence   api.Decimal
}

// proposalOf reads {"proposal": text, "confidence": c}, or the text alone.
func proposalOf(answer json.RawMessage, longest int) (proposal, error) {
	full := api.RefineProposal{}
	if text(answer) {
		if err := codec.Decode(answer, &full.Proposal); err != nil {
			return proposal{}, refused("the proposal cannot be read: %v", err)
		}
	} else if err := codec.Decode(answer, &full); err != nil {
		return proposal{}, refused(`answer with {"proposal": "...", "confidence": 0.8} or with the text alone: %v`, err)
	}
	p := proposal{text: full.Proposal, confidence: half}
	if full.Confidence != nil {
		p.confidence = *full.Confidence
	}
	switch {
	case strings.TrimSpace(p.text) == "":
		return p, refused("the proposal is empty")
	case length(p.text) > longest:
		return p, refused("the proposal has %d bytes, at most %d fit in this session", length(p.text), longest)
	case p.confidence < 0 || p.confidence > api.One:
		return p, refused("confidence must be 0 to 1")
	}
	return p, nil
}

// ratingsOf reads what a member says of those proposals that it was shown.
func ratingsOf(ask *api.SessionAsk, answer json.RawMessage, longest int) (map[string]api.RefineRating, error) {
	var shown api.RefineFeedbackAsk
	if err := codec.Read(ask.Ask, &shown); err != nil {
		return nil, refused("the question cannot be read")
	}
	authors := make([]string, len(shown.Proposals))
	for i, p := range shown.Proposals {
		authors[i] = p.Member
	}
	given, err := byMember(ask, answer, "feedback", authors)
	if err != nil {
		return nil, err
	}
	ratings := make(map[string]api.RefineRating, len(given))
	for _, author := range slices.Sorted(maps.Keys(given)) {
		r, err := ratingOf(given[author])
		switch {
		case err != nil:
			return nil, refused(`answer with {"feedback": {"%s": {"quality_score": 0.8, "comment": "..."}}}, or a number for each: %v`, author, err)
		case r.QualityScore < 0 || r.QualityScore > api.One:
			return nil, refused("the quality_score of %s must be 0 to 1", author)
		case length(r.Comment) > longest:
			return nil, refused("the comment on %s has %d bytes, at most %d fit in this session", author, length(r.Comment), longest)
		}
		ratings[author] = r
	}
	return ratings, nil
}

func ratingOf(raw json.RawMessage) (r api.RefineRating, err error) {
	if raw = bytes.TrimSpace(raw); len(raw) > 0 && raw[0] != '{' {
		return r, codec.Decode(raw, &r.QualityScore)
	}
	score := struct {
		QualityScore *api.Decimal `json:"quality_score"`
		Comment      string       `json:"comment"`
	}{}
	if err := codec.Decode(raw, &score); err != nil {
		return r, err
	}
	if score.QualityScore == nil {
		return r, api.Errorf(api.Invalid, "quality_score is required")
	}
	return api.RefineRating{QualityScore: *score.QualityScore, Comment: score.Comment}, nil
}

// similaritiesOf reads how alike the two versions of each proposal are.
func similaritiesOf(ask *api.SessionAsk, answer json.RawMessage) (map[string]api.Decimal, error) {
	var shown api.RefineSimilarityAsk
	if err := codec.Read(ask.Ask, &shown); err != nil {
		return nil, refused("the question cannot be read")
	}
	authors := make([]string, len(shown.Pairs))
	for i, p := range shown.Pairs {
		authors[i] = p.Member
	}
	var one api.Decimal
	if len(authors) == 1 && codec.Decode(bytes.TrimSpace(answer), &one) == nil {
		answer = json.RawMessage(`{"` + authors[0] + `":` + one.String() + `}`)
	}
	given, err := byMember(ask, answer, "similarity", authors)
	if err != nil {
		return nil, err
	}
	scores := make(map[string]api.Decimal, len(given))
	for _, author := range slices.Sorted(maps.Keys(given)) {
		var d api.Decimal
		if err := codec.Decode(given[author], &d); err != nil || d < 0 || d > api.One {
			return nil, refused("the similarity of %s must be a number from 0 to 1", author)
		}
		scores[author] = d
	}
	return scores, nil
}

// byMember reads an object by member, alone or under a name, that speaks only of those who were shown.
func byMember(ask *api.SessionAsk, answer json.RawMessage, name string, shown []string) (map[string]json.RawMessage, error) {
	var given map[string]json.RawMessage
	if err := codec.Decode(answer, &given); err != nil {
		return nil, refused(`answer with {"%s": {member: score}}: %v`, name, err)
	}
	if inner := bytes.TrimSpace(given[name]); len(given) == 1 && len(inner) > 0 && inner[0] == '{' {
		given = nil
		if err := codec.Decode(inner, &given); err != nil {
			return nil, refused("%s: %v", name, err)
		}
	}
	for _, author := range slices.Sorted(maps.Keys(given)) {
		switch {
		case slices.Contains(shown, author):
		case author == ask.Member:
			return nil, refused("self_feedback_not_allowed: %s may not rate itself", author)
		default:
			return nil, refused("target_agent_not_participant: there is no proposal of %.70q", author)
		}
	}
	return given, nil
}

func text(answer json.RawMessage) bool {
	trimmed := bytes.TrimSpace(answer)
	return len(trimmed) > 0 && trimmed[0] == '"'
}

// length is that of a text as a JSON string, without its quotes.
func length(s string) int {
	raw, err := codec.Marshal(s)
	if err != nil {
		return maxProposal + 1 // no UTF-8: nothing that came as JSON
	}
	return len(raw) - 2
}

func refused(format string, args ...any) error {
	return api.Errorf(api.Invalid, format, args...).WithReason(api.ReasonInvalidAnswer).WithFields("answer")
}
