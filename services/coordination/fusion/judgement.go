package fusion

import (
	"encoding/json"
	"math/big"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// judgement is what a member thinks: what it gives to each label, by the labels' keys.
type judgement struct {
	scores     map[string]*big.Rat // they add up to 1
	names      map[string]string   // as the member writes them
	confidence api.Decimal
}

// read reads an answer in full or a bare label.
func read(raw json.RawMessage, labels []string) (judgement, error) {
	a := api.FusionAnswer{Label: raw}
	if form.Kind(raw) == '{' {
		a.Label = nil
		if err := codec.Decode(raw, &a); err != nil {
			return judgement{}, form.Refuse("answer a label, or {\"scores\": {label: number}, \"confidence\": 0 to 1}: %v", err)
		}
	}
	if (len(a.Label) == 0) == (len(a.Scores) == 0) {
		return judgement{}, form.Refuse("answer either a label or scores")
	}
	if len(a.Scores) > MaxLabels {
		return judgement{}, form.Refuse("scores has %d labels, at most %d are allowed", len(a.Scores), MaxLabels)
	}
	if len(a.Label) > 0 {
		label, ok := form.ReadLabel(a.Label)
		if !ok {
			return judgement{}, form.Refuse("a label is a text, a number or a truth value")
		}
		a.Scores = map[string]api.Decimal{label.Text(): api.One}
	}
	confidence, err := form.Confidence(a.Confidence)
	if err != nil {
		return judgement{}, err
	}
	j := judgement{scores: map[string]*big.Rat{}, names: map[string]string{}, confidence: confidence}
	return j, j.take(a.Scores, labels)
}

// take sets the scores, as shares of their sum.
func (j *judgement) take(scores map[string]api.Decimal, labels []string) error {
	sum := new(big.Int)
	for _, name := range form.Names(scores) {
		key, score := form.Key(name), scores[name]
		switch place := form.Place(labels, key); {
		case key == "" || len(name) > MaxLabel:
			return form.Refuse("a label is a text of 1 to %d bytes", MaxLabel)
		case j.scores[key] != nil:
			return form.Refuse("the label %.70q is there twice (case and spaces do not matter)", name)
		case score < 0:
			return form.Refuse("the score of %.70q must not be less than 0", name)
		case len(labels) > 0 && place == len(labels):
			return form.Refuse("%.70q is none of the labels of the session", name)
		}
		j.names[key], j.scores[key] = name, new(big.Rat).SetInt64(int64(score))
		sum.Add(sum, big.NewInt(int64(score)))
	}
	if sum.Sign() == 0 {
		return form.Refuse("one score at least must be above 0")
	}
	for key := range j.scores {
		j.scores[key].Quo(j.scores[key], new(big.Rat).SetInt(sum))
	}
	return nil
}

// decimal rounds to the nearest millionth, halves to even.
func decimal(r *big.Rat) api.Decimal {
	n := new(big.Int).Mul(r.Num(), big.NewInt(int64(api.One)))
	q, rest := n.DivMod(n, r.Denom(), new(big.Int))
	if c := rest.Lsh(rest, 1).Cmp(r.Denom()); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return api.Decimal(q.Int64())
}
