package economysim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/market"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// judge applies every entry at once, and looks at what it has done. It knows what was asked and answered, and every entry that accounts
// have had.
type judge struct {
	w      *world
	e      *engine.Engine[*realm.State]
	issued api.Micro // credit, by what operators were granted
	seen   map[string]uint64
	moved  map[string][]movement // by what they are for
	fresh  []movement            // payments of this entry that nobody is known to have asked for
	sales  map[string]*sale      // auctions by id
	pages  map[string][]api.TranscriptStep
	judged map[string]bool // entities
}

// movement is an entry of whoever has received an amount.
type movement struct {
	from, to api.AccountID
	amount   api.Micro
	kind     string
}

func newJudge(w *world) judge {
	return judge{
		w: w, e: engine.New(w.machine(0)), seen: map[string]uint64{}, moved: map[string][]movement{}, sales: map[string]*sale{},
		pages: map[string][]api.TranscriptStep{}, judged: map[string]bool{},
	}
}

// apply takes in an entry.
func (j *judge) apply(en engine.Entry) {
	a, err := j.e.Apply(j.w.spoilEntry(en))
	if err != nil {
		j.w.fail("entry %d: %w", en.Seq, err)
		return
	}
	if len(a.Panics) > 0 {
		j.w.fail("entry %d: %s", en.Seq, a.Panics)
	}
	j.w.result.Timers += a.Fired
	j.enter()
	asked, err := engine.ParseBatch(en.Data)
	if err != nil {
		j.w.fail("entry %d: %w", en.Seq, err)
		return
	}
	for i := range a.Replies {
		c := &asked.Commands[i]
		c.Time = a.Time
		if err := j.reply(c, &a.Replies[i]); err != nil {
			j.w.fail("entry %d, %s by %q (%s): %w", en.Seq, c.Kind, c.Principal, c.Body, err)
		}
	}
	if len(j.fresh) > 0 {
		j.w.fail("entry %d: nobody has asked for the payment %v", en.Seq, j.fresh[0])
	}
	if err := j.sound(a.Time); err != nil {
		j.w.fail("after entry %d: %w", en.Seq, err)
	}
}

// reply looks at one answer.
func (j *judge) reply(c *engine.Command, r *engine.Reply) error {
	if r.Panic != "" {
		return fmt.Errorf("%s", r.Panic)
	}
	if c.Kind == engine.KindOutcome {
		return nil
	}
	j.w.result.Commands++
	shown := string(r.Answer)
	if r.Err != nil {
		j.w.result.Refused++
		shown = r.Err.Error()
	}
	if c.ID != "" {
		for _, q := range j.w.asked {
			switch {
			case q.command.ID != c.ID || r.Err != nil && (r.Err.Code == api.Overloaded || r.Err.Code == api.Unavailable): // such answers are not kept
			case q.reply == "":
				q.reply = shown
			case q.reply != shown:
				return fmt.Errorf("was answered %s, and then %s", q.reply, shown)
			default:
				j.w.result.Repeated++
				return nil
			}
		}
	}
	if r.Err != nil {
		return nil
	}
	j.w.result.Done[c.Kind]++
	return j.done(c, r.Answer)
}

// done takes in a command that was carried out.
func (j *judge) done(c *engine.Command, answer []byte) error {
	switch c.Kind {
	case "accounts.mint", "accounts.burn":
		return j.issue(c)
	case "accounts.transfer", "holds.capture":
		return j.paid(c)
	case "auctions.create":
		return j.opened(c, answer)
	case "auctions.bid", "auctions.withdraw":
		return j.bid(c, answer)
	}
	return nil
}

func (j *judge) issue(c *engine.Command) error {
	var r struct {
		To     api.AccountID `json:"to"`
		From   api.AccountID `json:"from"`
		Amount api.Micro     `json:"amount"`
	}
	if err := codec.Read(c.Body, &r); err != nil {
		return err
	}
	if (r.To + r.From).Asset() != api.CreditAsset {
		return nil
	}
	if c.Principal != operator {
		return fmt.Errorf("was granted")
	}
	if c.Kind == "accounts.burn" {
		r.Amount = -r.Amount
	}
	j.issued += r.Amount
	return nil
}

// paid wants the payment that was asked for among the movements of this entry of the log.
func (j *judge) paid(c *engine.Command) error {
	var r struct {
		To     api.AccountID `json:"to"`
		Amount api.Micro     `json:"amount"`
	}
	if err := codec.Read(c.Body, &r); err != nil {
		return err
	}
	to, kind := r.To, strings.TrimPrefix(c.Kind[strings.IndexByte(c.Kind, '.'):], ".")
	if to != "" {
		var err error
		if to, err = api.ParseAccount(string(to)); err != nil {
			return err
		}
	}
	for i, m := range j.fresh {
		if m.kind == kind && (to == "" || m.to == to) && (r.Amount == 0 || m.amount == r.Amount) {
			j.fresh = slices.Delete(j.fresh, i, i+1)
			return nil
		}
	}
	return fmt.Errorf("was granted, and moved nothing to %s", to)
}

// enter reads the new entries of all accounts.
func (j *judge) enter() {
	s := j.e.State().Ledger
	for _, id := range s.Accounts.IDs() {
		a := s.Accounts[id]
		if a.Count < j.seen[id] { // an asset was retired, and its accounts with it
			j.seen[id] = 0
		}
		for i := range a.Recent {
			e := &a.Recent[i]
			if e.Number <= j.seen[id] {
				continue
			}
			if e.Amount > 0 {
				m := movement{e.Counter, api.AccountID(id), e.Amount, e.Kind}
				j.moved[e.Ref] = append(j.moved[e.Ref], m)
				if m.kind == "transfer" || m.kind == "capture" {
					j.fresh = append(j.fresh, m)
				}
			}
		}
		j.seen[id] = a.Count
	}
}

// sound looks at all there is.
func (j *judge) sound(now time.Time) error {
	s := j.e.State()
	if err := s.Ledger.Audit(); err != nil {
		return err
	}
	for _, t := range s.Ledger.Totals() {
		if t.Asset == api.CreditAsset && t.Issued != j.issued {
			return fmt.Errorf("%s of credit are there, and operators have issued %s", t.Issued, j.issued)
		}
	}
	for _, id := range s.Auctions.Auctions.IDs() {
		x, k := s.Auctions.Auctions[id], j.sales[id]
		switch {
		case k == nil:
			return fmt.Errorf("nobody has opened auction %s", id)
		case k.over && !x.State.Ended():
			return fmt.Errorf("auction %s had ended, and is %s", id, x.State)
		case x.State == api.AuctionOpen && now.Sub(x.EndsAt) > 3*time.Minute:
			return fmt.Errorf("auction %s is open at %s, and should have ended at %s", id, now, x.EndsAt)
		}
		k.over = x.State.Ended()
	}
	for _, id := range s.Ledger.Holds.IDs() {
		if err := reason(s, id); err != nil {
			return err
		}
	}
	return nil
}

// reason finds what a hold is for.
func reason(s *realm.State, hold string) error {
	domain, rest, _ := strings.Cut(hold, "/")
	id, _, _ := strings.Cut(rest, "/")
	live := false
	switch domain {
	case "auction":
		x := s.Auctions.Auctions[id]
		live = x != nil && !x.State.Ended()
	case "tender":
		x := s.Tenders.Tenders[id]
		live = x != nil && !x.State.Over()
	case "market":
		x := s.Markets.Markets[id]
		live = x != nil && (x.State == api.MarketOpen || x.State == api.MarketClosing || x.State == api.MarketClosed)
	case "report":
		x := s.Reputation.Reports[id]
		live = x != nil && (x.State == api.ReportAsked || x.State == api.ReportMade)
	case "stake":
		live = s.Risk.Stakes[id] != nil
	case "policy":
		x := s.Risk.Policies[id]
		live = x != nil && (x.State == api.PolicyActive || x.Open > 0)
	case "hold":
		live = true
	}
	for _, c := range s.Contracts.Contracts {
		live = live || c.Hold == hold && !c.State.Over()
	}
	if !live {
		return fmt.Errorf("the hold %s is of nothing that goes on", hold)
	}
	return nil
}

// paged keeps a page of a transcript.
func (j *judge) paged(p act.Page) {
	if l := realm.Log(j.e.State(), p.Entity); l != nil && uint64(len(j.pages[p.Entity])) < p.From {
		j.pages[p.Entity] = append(j.pages[p.Entity], l.Steps(p.From, transcript.Page)...)
	}
}

// archived judges an entity that has ended.
func (j *judge) archived(entity string) {
	if j.judged[entity] || j.w.fault != nil {
		return
	}
	j.judged[entity] = true
	domain, id, _ := strings.Cut(entity, "/")
	j.w.result.Ends[domain]++
	var err error
	switch domain {
	case "auction":
		err = j.ended(id, j.steps(entity, realm.Log(j.e.State(), entity)))
	case "market":
		if m := j.e.State().Markets.Markets[id]; m != nil {
			if _, err = market.Recompute(j.steps(entity, &m.Log)); err == nil {
				err = j.traded(m)
			}
		}
	case "contract":
		if c := j.e.State().Contracts.Contracts[id]; c != nil && c.Outcome != nil && c.Hold != "" {
			s := c.Outcome.Settlement
			err = j.received(entity, map[string]api.Micro{"settlement": s.Paid - s.Fee, "fee": s.Fee})
		}
	}
	if err != nil {
		j.w.fail("%s: %w", entity, err)
	}
}

// traded wants the units and the fees of a market in the books of those who have traded.
func (j *judge) traded(m *market.Market) error {
	if m.Maker != nil {
		return nil
	}
	units, fees := api.Micro(0), api.Micro(0)
	for _, x := range j.moved[market.Entity(m.Spec.ID)] {
		switch {
		case x.kind == "fee":
			fees += x.amount
		case x.to.Asset() == m.Spec.Commodity:
			units += x.amount
		}
	}
	if units != api.Micro(m.Volume)*unit || fees != m.Fees {
		return fmt.Errorf("%s of its commodity and %s of fees were moved, for %d units and %s", units, fees, m.Volume, m.Fees)
	}
	return nil
}

// received wants just these amounts, by kind, in the books of those who were paid for an entity.
func (j *judge) received(entity string, want map[string]api.Micro) error {
	have := map[string]api.Micro{}
	for _, x := range j.moved[entity] {
		have[x.kind] += x.amount
	}
	for kind := range have {
		want[kind] += 0
	}
	for kind, amount := range want {
		if have[kind] != amount {
			return fmt.Errorf("%s of kind %s were paid, %s were due", have[kind], kind, amount)
		}
	}
	return nil
}

// steps are all steps of an entity.
func (j *judge) steps(entity string, l *transcript.Log) []api.TranscriptStep {
	all := j.pages[entity]
	if l == nil {
		return all
	}
	return append(all[:len(all):len(all)], l.Steps(uint64(len(all))+1, transcript.MaxRecent)...)
}
