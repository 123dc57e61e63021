package economysim

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/realm"
)

const unit = 1_000_000 // millionths of one

// people are the principals. The operator is one of those who ask, too.
var people = []string{"ann", "bob", "cat", "dan", "eve"}

const operator = "operator"

// drawer draws what commands say, from a schedule's random numbers and what there is in the economy.
type drawer struct {
	*rand.Rand
	state  *realm.State
	by     string // who asks
	serial int    // of new names
	bad    bool   // one of the values is to be wrong
	// parties are who has to do with what a value is about.
	parties []string
}

func one[T any](d *drawer, of ...T) T { return of[d.IntN(len(of))] }

func quote(s string) string { return strconv.Quote(s) }

// existing draws one of the ids of a table, or one that nobody knows.
func existing[T draft.Record[T]](d *drawer, t draft.Table[T]) string {
	if len(t) == 0 || d.IntN(40) == 0 {
		return "unknown"
	}
	return one(d, t.IDs()...)
}

// fresh draws an id that is new, but for now and then.
func (d *drawer) fresh(prefix string) string {
	if d.IntN(12) != 0 {
		d.serial++
	}
	return fmt.Sprintf("%s%d", prefix, d.serial)
}

// wrong are values that are good for nothing, whatever is asked for.
var wrong = []string{
	`""`, `-1`, `"-1"`, `0.5`, `"0.5"`, `"NaN"`, `1e400`, `"9223372036854775808"`, `"9223372036854775807"`, `"1000000000000001"`, `null`, `[]`, `{}`, `true`,
	`"a b"`, `"../x"`, `"mabus"`, `"mabus/fees/credit"`, `"mabus/issue/credit"`, `99999999999`, `"-5s"`, `"1000000h"`, quote(strings.Repeat("x", 300)), `"é"`,
}

// fill replaces the names after $ in a template by values.
func (d *drawer) fill(template string) string {
	var out strings.Builder
	spoilt := -1 // which of the values is wrong
	if d.bad {
		spoilt = d.IntN(max(strings.Count(template, "$"), 1))
	}
	for i, part := range strings.Split(template, "$") {
		if i == 0 {
			out.WriteString(part)
			continue
		}
		end := strings.IndexFunc(part, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' })
		if end < 0 {
			end = len(part)
		}
		if i-1 == spoilt {
			out.WriteString(one(d, wrong...))
		} else {
			out.WriteString(d.value(part[:end]))
		}
		out.WriteString(part[end:])
	}
	return out.String()
}

// value draws what a name stands for, as JSON.
func (d *drawer) value(name string) string {
	s := d.state
	switch name {
	case "who":
		return quote(one(d, people...))
	case "me":
		return quote(d.by)
	case "account":
		return quote(one(d, people...) + one(d, "", "", "/main", "/savings", "/main/gold", "/main/oil"))
	case "mine":
		return quote(d.by + one(d, "", "", "", "/savings"))
	case "gold":
		return quote(d.by + "/main/" + one(d, "gold", "oil"))
	case "money":
		return quote(strconv.Itoa((1 + d.IntN(6)) * unit)) // so few that many are equal
	case "odd":
		return quote(strconv.Itoa(1 + d.IntN(9*unit)))
	case "much":
		return quote(strconv.Itoa((50 + d.IntN(200)) * unit))
	case "units":
		return strconv.Itoa(1 + d.IntN(4))
	case "share":
		return one(d, "0", "0.05", "0.5", "0.9", "1", "0.333333")
	case "seconds":
		return quote(fmt.Sprintf("%ds", 2+d.IntN(40)))
	case "asset":
		return one(d, `"gold"`, `"oil"`)
	case "kind":
		return one(d, `"late"`, `"fraud"`)
	case "side":
		return one(d, `"buy"`, `"sell"`)
	case "order":
		return one(d, `"limit"`, `"limit"`, `"limit"`, `"market"`, `"ioc"`, `"fok"`)
	case "flag":
		return one(d, "true", "false")
	case "number":
		return strconv.Itoa(1 + d.IntN(3))
	case "name":
		d.serial++
		return quote(fmt.Sprintf("n%d", d.serial))
	case "new_auction":
		return quote(d.fresh("a"))
	case "new_market":
		return quote(d.fresh("m"))
	case "new_tender":
		return quote(d.fresh("t"))
	case "new_bazaar":
		return quote(d.fresh("b"))
	case "new_hold":
		return quote(d.fresh("h"))
	case "listing", "offer": // two fields, of which one says where the other is
		at := map[string]string{"listing": "id", "offer": "listing"}[name]
		if len(s.Bazaars.Listings) == 0 {
			return `"market":"none","` + at + `":"none"`
		}
		l := s.Bazaars.Listings[one(d, s.Bazaars.Listings.IDs()...)]
		return fmt.Sprintf(`"market":%q,%q:%q`, l.Bazaar, at, l.ID)
	}
	return quote(d.entity(name))
}

// entity draws the id of one that there is, and notes who has to do with it.
func (d *drawer) entity(name string) (id string) {
	s := d.state
	switch name {
	case "auction":
		if x := s.Auctions.Auctions[picked(d, s.Auctions.Auctions, &id)]; x != nil {
			d.parties = append(d.parties, x.Owner)
		}
	case "tender":
		if x := s.Tenders.Tenders[picked(d, s.Tenders.Tenders, &id)]; x != nil {
			d.parties = append(d.parties, x.Announcer)
		}
	case "market":
		if x := s.Markets.Markets[picked(d, s.Markets.Markets, &id)]; x != nil {
			d.parties = append(d.parties, x.Owner)
		}
	case "bazaar":
		if x := s.Bazaars.Markets[picked(d, s.Bazaars.Markets, &id)]; x != nil {
			d.parties = append(d.parties, x.Owner)
		}
	case "contract":
		if x := s.Contracts.Contracts[picked(d, s.Contracts.Contracts, &id)]; x != nil {
			d.parties = append(d.parties, x.Buyer, x.Provider)
		}
	case "report":
		if x := s.Reputation.Reports[picked(d, s.Reputation.Reports, &id)]; x != nil {
			d.parties = append(d.parties, x.Agent, x.Judge)
		}
	case "pool":
		if x := s.Risk.Pools[picked(d, s.Risk.Pools, &id)]; x != nil {
			d.parties = append(d.parties, x.Owner)
		}
	case "policy":
		if x := s.Risk.Policies[picked(d, s.Risk.Policies, &id)]; x != nil {
			d.parties = append(d.parties, x.Holder)
		}
	case "claim":
		if x := s.Risk.Claims[picked(d, s.Risk.Claims, &id)]; x != nil {
			d.parties = append(d.parties, x.Holder)
		}
	case "violation":
		if x := s.Risk.Violations[picked(d, s.Risk.Violations, &id)]; x != nil {
			d.parties = append(d.parties, x.Accused)
		}
	case "allowance":
		if x := s.Ledger.Allowances[picked(d, s.Ledger.Allowances, &id)]; x != nil {
			d.parties = append(d.parties, x.Spec.Spender)
		}
	case "hold": // mostly of those that principals have made
		made := draft.Table[*ledger.Hold]{}
		for id, h := range s.Ledger.Holds {
			if h.Holder != "" {
				made[id] = h
			}
		}
		if d.IntN(3) != 0 && len(made) > 0 {
			id = one(d, made.IDs()...)
			d.parties = append(d.parties, made[id].Beneficiary, made[id].Holder)
		} else if x := s.Ledger.Holds[picked(d, s.Ledger.Holds, &id)]; x != nil {
			d.parties = append(d.parties, x.Account.Owner())
		}
	default:
		panic("no value is called " + name)
	}
	return id
}

func picked[T draft.Record[T]](d *drawer, t draft.Table[T], id *string) string {
	*id = existing(d, t)
	return *id
}
