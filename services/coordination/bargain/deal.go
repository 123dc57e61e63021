package bargain

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// deal reads a deal of the kind that is negotiated, and returns it in the form in which equal deals are the same bytes.
func (t *table) deal(raw json.RawMessage) (json.RawMessage, error) {
	var v any
	var err error
	switch {
	case t.params.Total != nil:
		v, err = t.shares(raw)
	case len(t.params.Issues) > 0:
		v, err = t.terms(raw)
	default:
		v, err = free(raw)
	}
	if err != nil {
		return nil, err
	}
	written, err := codec.Marshal(v)
	switch {
	case err != nil:
		return nil, refused("the deal cannot be written: %v", err)
	case len(written) > t.longest:
		return nil, refused("the deal has %d bytes, at most %d fit in this session", len(written), t.longest)
	}
	return written, nil
}

// shares reads a division: what each member gets, at least 0, and together no more than there is.
func (t *table) shares(raw json.RawMessage) (map[string]api.Decimal, error) {
	var shares map[string]api.Decimal
	if err := codec.Decode(raw, &shares); err != nil {
		return nil, refused(`a deal is a share for each member, for example {"%s": %s}: %v`, t.Members[0].ID, t.params.Total, err)
	}
	var sum api.Decimal
	for _, m := range slices.Sorted(maps.Keys(shares)) {
		switch share := shares[m]; {
		case !slices.ContainsFunc(t.Members, func(x api.SessionMember) bool { return x.ID == m }):
			return nil, refused("the deal has a share for %.70q, who is no member", m)
		case share < 0:
			return nil, refused("the share of %s is less than 0", m)
		default:
			sum += share
		}
	}
	if sum > *t.params.Total {
		return nil, refused("the shares add up to %s, and there are %s", sum, t.params.Total)
	}
	return shares, nil
}

// terms reads a choice for each issue.
func (t *table) terms(raw json.RawMessage) (map[string]string, error) {
	var terms map[string]string
	if err := codec.Decode(raw, &terms); err != nil {
		return nil, refused("a deal is an object with a choice for each of %v: %v", slices.Sorted(maps.Keys(t.params.Issues)), err)
	}
	for _, name := range slices.Sorted(maps.Keys(t.params.Issues)) {
		if !slices.Contains(t.params.Issues[name], terms[name]) {
			return nil, refused("the deal must settle %s as one of %q", name, t.params.Issues[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(terms)) {
		if t.params.Issues[name] == nil {
			return nil, refused("there is no issue %.70q", name)
		}
	}
	return terms, nil
}

// free reads any value but null.
func free(raw json.RawMessage) (json.RawMessage, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] == 'n' || !codec.Valid(raw) {
		return nil, refused("a deal is a JSON value other than null")
	}
	return raw, nil
}

// share is what a division gives to a member.
func (t *table) share(deal json.RawMessage, member string) (api.Decimal, bool) {
	var shares map[string]api.Decimal
	if t.params.Total == nil || codec.Read(deal, &shares) != nil {
		return 0, false
	}
	return shares[member], true
}

func refused(format string, args ...any) error {
	return api.Errorf(api.Invalid, format, args...).WithReason(api.ReasonInvalidAnswer).WithFields("answer")
}
