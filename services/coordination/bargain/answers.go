package bargain

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// offerOf reads an offer: the object of BargainOfferAnswer, or the deal alone.
func (t *table) offerOf(answer json.RawMessage) (api.BargainOfferAnswer, error) {
	var full api.BargainOfferAnswer
	if err := codec.Decode(answer, &full); err != nil || len(full.Offer) == 0 && !full.Pass {
		bare, bareErr := t.deal(answer)
		if bareErr != nil {
			return full, bareErr
		}
		return api.BargainOfferAnswer{Offer: bare}, nil
	}
	if full.Pass {
		if len(full.Offer) > 0 {
			return full, refused("either make an offer or pass")
		}
		return full, nil
	}
	deal, err := t.deal(full.Offer)
	full.Offer = deal
	return full, err
}

var responses = map[string]string{
	"accept": api.BargainAccept, "accepted": api.BargainAccept, "yes": api.BargainAccept, "true": api.BargainAccept,
	"reject": api.BargainRefuse, "rejected": api.BargainRefuse, "no": api.BargainRefuse, "false": api.BargainRefuse,
	"counter": api.BargainCounter,
}

// responseOf reads a response: the object of BargainResponse, or a word alone.
func (t *table) responseOf(answer json.RawMessage) (api.BargainResponse, error) {
	var r api.BargainResponse
	answer = bytes.TrimSpace(answer)
	switch {
	case string(answer) == "true" || string(answer) == "false":
		r.Response = string(answer)
	case len(answer) > 0 && answer[0] == '"':
		if err := codec.Decode(answer, &r.Response); err != nil {
			return r, refused("the response cannot be read: %v", err)
		}
	default:
		if err := codec.Decode(answer, &r); err != nil {
			return r, refused(`answer with "accept", "reject", or {"response": "counter", "offer": ...}: %v`, err)
		}
	}
	if r.Response == "" && len(r.Offer) > 0 {
		r.Response = api.BargainCounter
	}
	word, ok := responses[strings.ToLower(strings.TrimSpace(r.Response))]
	switch {
	case !ok:
		return r, refused("the response must be accept, reject or counter")
	case (word == api.BargainCounter) != (len(r.Offer) > 0):
		return r, refused("a counter comes with an offer, and nothing else does")
	}
	r.Response = word
	if word != api.BargainCounter {
		return r, nil
	}
	deal, err := t.deal(r.Offer)
	r.Offer = deal
	return r, err
}

// utilitiesOf reads what the candidates are worth.
func utilitiesOf(ask *api.SessionAsk, answer json.RawMessage) (api.BargainUtilities, error) {
	var u api.BargainUtilities
	var shown api.BargainUtilitiesAsk
	if err := codec.Read(ask.Ask, &shown); err != nil {
		return u, refused("the question cannot be read")
	}
	answer = bytes.TrimSpace(answer)
	into := any(&u)
	if len(answer) > 0 && answer[0] == '[' {
		into = &u.Utilities
	}
	if err := codec.Decode(answer, into); err != nil {
		return u, refused(`answer with {"utilities": [...], "reservation": 0}: %v`, err)
	}
	if len(u.Utilities) != len(shown.Candidates) {
		return u, refused("there are %d candidates, and %d utilities are given", len(shown.Candidates), len(u.Utilities))
	}
	return u, nil
}
