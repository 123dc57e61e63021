package fusion

import (
	"cmp"
	"math/big"
	"slices"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
)

// channel is one modality with the judgements made for it.
type channel struct {
	name       string
	members    []string
	scores     map[string]*big.Rat // the mean of its members'
	weight     *big.Rat            // that of the parameters, times the confidence with attention
	confidence *big.Rat            // the mean of its members'
}

// fuse makes one judgement of those of a closed round: the mean of the modalities, each the mean of its members, by the modalities'
// weights. Modalities for which nobody answered have no part in it, so that the weights of the others grow in proportion.
func fuse(s *api.Session, p *api.FusionParams, r *api.SessionRound) protocol.Step {
	channels, names, missing := gather(s, p, r)
	if len(channels) == 0 {
		return protocol.Step{Reason: form.NoAnswers + ": no member has judged"}
	}
	total := new(big.Rat)
	for _, c := range channels {
		total.Add(total, c.weight)
	}
	if total.Sign() == 0 { // nobody whose word counts has answered, or nobody is sure: then all count the same
		for i := range channels {
			channels[i].weight = big.NewRat(1, 1)
		}
		total.SetInt64(int64(len(channels)))
	}
	fused, quality := map[string]*big.Rat{}, new(big.Rat)
	result := api.FusionResult{Missing: missing, Coverage: coverage(s, p, channels)}
	for _, c := range channels {
		share := new(big.Rat).Quo(c.weight, total)
		add(fused, c.scores, share)
		quality.Add(quality, new(big.Rat).Mul(share, c.confidence))
		result.Modalities = append(result.Modalities, api.FusionModality{
			Modality: c.name, Members: c.members, Weight: decimal(share), Confidence: decimal(c.confidence), Scores: list(c.scores, names, p.Labels),
		})
	}
	result.Scores = list(fused, names, p.Labels)
	result.Decision, result.Confidence, result.Quality = result.Scores[0].Label, result.Scores[0].Score, decimal(quality)
	result.ConsensusReached = result.Confidence >= *p.ConsensusThreshold
	result.QualityMet = result.Quality >= *p.QualityThreshold
	return protocol.Step{Result: result}
}

// gather returns the modalities with an answer and the names of those without, in the order in which the members first speak for them,
// and how each label is written: as the parameters do, or else the first of the members.
func gather(s *api.Session, p *api.FusionParams, r *api.SessionRound) (with []channel, names map[string]string, without []string) {
	names = map[string]string{}
	for _, l := range p.Labels {
		names[form.Key(l)] = l
	}
	var order []string
	judged := map[string][]judgement{}
	members := map[string][]string{}
	for i := range s.Members {
		m := &s.Members[i]
		name := modality(p, m)
		if !slices.Contains(order, name) {
			order = append(order, name)
		}
		at := slices.IndexFunc(r.Asks, func(a api.SessionAsk) bool { return a.Member == m.ID })
		if at < 0 || r.Asks[at].State != api.AskAnswered {
			continue
		}
		j, err := read(r.Asks[at].Answer, p.Labels)
		if err != nil {
			continue
		}
		judged[name], members[name] = append(judged[name], j), append(members[name], m.ID)
		for key, text := range j.names {
			if names[key] == "" {
				names[key] = text
			}
		}
	}
	for _, name := range order {
		if len(judged[name]) == 0 {
			without = append(without, name)
			continue
		}
		c := channel{name: name, members: members[name], scores: map[string]*big.Rat{}, confidence: new(big.Rat)}
		part := big.NewRat(1, int64(len(judged[name])))
		for _, j := range judged[name] {
			add(c.scores, j.scores, part)
			sure := big.NewRat(int64(j.confidence), int64(api.One))
			c.confidence.Add(c.confidence, sure.Mul(sure, part))
		}
		c.weight = big.NewRat(int64(form.Weight(p.Weights, name)), int64(api.One))
		if s.Algorithm == Attention {
			c.weight.Mul(c.weight, c.confidence)
		}
		with = append(with, c)
	}
	return with, names, without
}

// add adds scores times a share to a sum.
func add(sum, scores map[string]*big.Rat, share *big.Rat) {
	for key, score := range scores {
		if sum[key] == nil {
			sum[key] = new(big.Rat)
		}
		sum[key].Add(sum[key], new(big.Rat).Mul(share, score))
	}
}

// list orders scores: the best first; at a tie the label listed first in the parameters, then the alphabetically first.
func list(scores map[string]*big.Rat, names map[string]string, labels []string) []api.LabelScore {
	keys := form.Names(scores)
	slices.SortStableFunc(keys, func(a, b string) int {
		return cmp.Or(scores[b].Cmp(scores[a]), cmp.Compare(form.Place(labels, a), form.Place(labels, b)))
	})
	keys = keys[:min(len(keys), MaxLabels)]
	listed := make([]api.LabelScore, len(keys))
	for i, key := range keys {
		listed[i] = api.LabelScore{Label: names[key], Score: decimal(scores[key])}
	}
	return listed
}

// coverage returns the share of those with an answer in the weights of all modalities of the session.
func coverage(s *api.Session, p *api.FusionParams, channels []channel) api.Decimal {
	present, all := new(big.Rat), new(big.Rat)
	seen := map[string]bool{}
	for i := range s.Members {
		name := modality(p, &s.Members[i])
		if seen[name] {
			continue
		}
		seen[name] = true
		w := big.NewRat(int64(form.Weight(p.Weights, name)), 1)
		all.Add(all, w)
		if slices.ContainsFunc(channels, func(c channel) bool { return c.name == name }) {
			present.Add(present, w)
		}
	}
	return decimal(present.Quo(present, all))
}
