package allot

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// demand reads an answer: {"demand": {...}}, the demand alone, or a number where there is one resource.
func demand(p *api.AllotParams, members int, answer json.RawMessage) (map[string]api.Decimal, error) {
	wanted, err := amounts(p, answer)
	if err != nil {
		return nil, err
	}
	most := api.DecimalLimit / api.Decimal(max(1, members)) // what all ask for together is a Decimal too
	for _, name := range sorted(wanted) {
		switch d := wanted[name]; {
		case d < 0:
			return nil, refused("the demand for %s is less than 0", name)
		case d > most:
			return nil, refused("the demand for %s is more than %s, the most among %d members", name, most, members)
		}
	}
	return wanted, nil
}

func amounts(p *api.AllotParams, answer json.RawMessage) (map[string]api.Decimal, error) {
	answer = bytes.TrimSpace(answer)
	if len(answer) == 0 || answer[0] != '{' {
		return single(p, answer)
	}
	var full api.AllotAnswer
	wanted := map[string]api.Decimal{}
	if codec.Decode(answer, &full) == nil && full.Demand != nil {
		wanted = full.Demand
	} else if err := codec.Decode(answer, &wanted); err != nil {
		return nil, refused(`answer with the amounts that you can use, for example {"demand": {"cpu": 20}}: %v`, err)
	}
	for _, name := range sorted(wanted) {
		if _, ok := p.Resources[name]; !ok {
			return nil, refused("there is no %.70q to share, but %v", name, sorted(p.Resources))
		}
	}
	return wanted, nil
}

func single(p *api.AllotParams, answer json.RawMessage) (map[string]api.Decimal, error) {
	var amount api.Decimal
	if err := codec.Decode(answer, &amount); err != nil || len(answer) == 0 {
		return nil, refused(`answer with the amounts that you can use, for example {"demand": {"cpu": 20}}`)
	}
	if len(p.Resources) != 1 {
		return nil, refused("there are %d resources, so one number does not say of which: %v", len(p.Resources), sorted(p.Resources))
	}
	return map[string]api.Decimal{sorted(p.Resources)[0]: amount}, nil
}

func refused(format string, args ...any) error {
	return api.Errorf(api.Invalid, format, args...).WithReason(api.ReasonInvalidAnswer).WithFields("answer")
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
