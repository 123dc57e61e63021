// Package risk holds the pure rules of what makes agents answer for what they do, and of what becomes of it when they fail: stakes that
// are slashed when a violation is upheld, pools that insure work, and breakers that stop a part of the economy when too much of it
// fails. All the money is in the ledger: stakes are holds, and so is what a pool has reserved for a policy, which is why no pool
// can promise the same unit twice, nor pay one that it lacks.
package risk

import (
	"maps"
	"slices"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/shared/api"
)

// State is what the machine knows of risks.
type State struct {
	Books      draft.Table[*Book]      `json:"books"`
	Stakes     draft.Table[*Stake]     `json:"stakes"`
	Violations draft.Table[*Violation] `json:"violations"`
	// Occasions are those for which there is a violation or a claim already.
	Occasions draft.Table[*Occasion] `json:"occasions"`
	// Reporters have violations that nobody has judged.
	Reporters draft.Table[*Reporter] `json:"reporters"`
	Pools     draft.Table[*Pool]     `json:"pools"`
	Policies  draft.Table[*Policy]   `json:"policies"`
	Claims    draft.Table[*Claim]    `json:"claims"`
	Breakers  draft.Table[*Breaker]  `json:"breakers"`
}

// Stake is an agent's stake, by the agent. Its hold is "stake/<agent>".
type Stake struct{ api.Stake }

// Clone returns a copy.
func (s *Stake) Clone() *Stake {
	c := *s
	c.Unbonding = slices.Clone(s.Unbonding)
	return &c
}

// Violation is a violation, by its id.
type Violation struct{ api.Violation }

// Clone returns a copy. Nothing in it changes but as a whole.
func (v *Violation) Clone() *Violation { c := *v; return &c }

// Occasion names what happened once.
type Occasion struct {
	// ID is that of the violation or claim.
	ID string `json:"id"`
}

// Clone returns a copy.
func (o *Occasion) Clone() *Occasion { c := *o; return &c }

// Reporter counts what a principal has reported.
type Reporter struct {
	Open int `json:"open"`
}

// Clone returns a copy.
func (r *Reporter) Clone() *Reporter { c := *r; return &c }

// Pool is an insurance pool, by its id. What it has is in its account, and what is reserved is held there.
type Pool struct {
	api.Pool
	// Remembered are the policies of the pool that are not forgotten.
	Remembered int `json:"remembered,omitempty"`
}

// Clone returns a copy. Its terms never change.
func (p *Pool) Clone() *Pool { c := *p; return &c }

// Policy is a policy, by its id. Its hold is "policy/<id>", in the account of its pool.
type Policy struct{ api.Policy }

// Clone returns a copy.
func (p *Policy) Clone() *Policy { c := *p; return &c }

// Claim is a claim, by its id.
type Claim struct{ api.Claim }

// Clone returns a copy.
func (c *Claim) Clone() *Claim { o := *c; return &o }

// New returns the state before the first command.
func New() *State {
	return &State{
		Books: draft.Table[*Book]{}, Stakes: draft.Table[*Stake]{}, Violations: draft.Table[*Violation]{}, Occasions: draft.Table[*Occasion]{},
		Reporters: draft.Table[*Reporter]{}, Pools: draft.Table[*Pool]{}, Policies: draft.Table[*Policy]{}, Claims: draft.Table[*Claim]{},
		Breakers: draft.Table[*Breaker]{},
	}
}

// Draft is one command's changes.
type Draft struct {
	// Figures tells what the breakers watch of the other parts of the economy; nil tells nothing.
	Figures func() Figures

	books      draft.Draft[*Book]
	stakes     draft.Draft[*Stake]
	violations draft.Draft[*Violation]
	occasions  draft.Draft[*Occasion]
	reporters  draft.Draft[*Reporter]
	pools      draft.Draft[*Pool]
	policies   draft.Draft[*Policy]
	claims     draft.Draft[*Claim]
	breakers   draft.Draft[*Breaker]
}

// Draft returns a draft without changes.
func (s *State) Draft() *Draft {
	return &Draft{
		books: draft.Of(s.Books), stakes: draft.Of(s.Stakes), violations: draft.Of(s.Violations), occasions: draft.Of(s.Occasions),
		reporters: draft.Of(s.Reporters), pools: draft.Of(s.Pools), policies: draft.Of(s.Policies), claims: draft.Of(s.Claims),
		breakers: draft.Of(s.Breakers),
	}
}

// Apply makes the changes so.
func (d *Draft) Apply() {
	d.books.Apply()
	d.stakes.Apply()
	d.violations.Apply()
	d.occasions.Apply()
	d.reporters.Apply()
	d.pools.Apply()
	d.policies.Apply()
	d.claims.Apply()
	d.breakers.Apply()
}

// Commands are the rules, by noun and verb.
var Commands = map[string]act.Command[*Draft]{
	"stakes.configure": act.On(configure), "stakes.put": act.On(put), "stakes.add": act.On(add), "stakes.unbond": act.On(unbond),
	"stakes.withdraw": act.On(withdraw), "stakes.restore": act.On(restore),
	"violations.report": act.On(report), "violations.judge": act.On(judge), "violations.appeal": act.On(appeal),
	"violations.overturn": act.On(overturn),
	"pools.create":        act.On(createPool), "pools.fund": act.On(fund), "pools.withdraw": act.On(takeOut), "pools.close": act.On(closePool),
	"policies.buy": act.On(buy), "claims.file": act.On(file), "claims.judge": act.On(judgeClaim), "claims.appeal": act.On(appealClaim),
	"breakers.set": act.On(setBreaker), "breakers.remove": act.On(removeBreaker), "breakers.reset": act.On(resetBreaker),
	"breakers.report": act.On(reportMetric),
}

// Book is what there is once: the rules, sums, and what is known of all breakers together.
type Book struct {
	Rules api.StakeRules `json:"rules"`
	// Staked is what all stakes are, Slashed what was taken of stakes since the log began.
	Staked  api.Micro `json:"staked"`
	Slashed api.Micro `json:"slashed"`
	// Open are the breakers that refuse something, in the order of their names.
	Open []OpenBreaker `json:"open,omitempty"`
	// Reports are the last ones of each metric.
	Reports map[api.RiskMetric]Report `json:"reports,omitempty"`
	// Trips are the last ones, the oldest first.
	Trips []api.BreakerTrip `json:"trips,omitempty"`
}

// Clone returns a copy.
func (b *Book) Clone() *Book {
	c := *b
	c.Open, c.Reports = slices.Clone(b.Open), maps.Clone(b.Reports)
	return &c
}

// theBook is the only id of a book.
const theBook = "book"

// look returns the book, to read.
func (d *Draft) look() *Book {
	if b, ok := d.books.Get(theBook); ok {
		return b
	}
	return &Book{}
}

// book returns the draft's own copy.
func (d *Draft) book() *Book {
	b, ok := d.books.Edit(theBook)
	if !ok {
		b = &Book{}
		d.books.Put(theBook, b)
	}
	return b
}

// rules are those in force.
func (d *Draft) rules() api.StakeRules { return d.look().Rules.WithDefaults() }

// Rules returns what stakes go by.
func (s *State) Rules() *api.StakeRules {
	r := s.Draft().rules()
	return &r
}

func configure(a *act.Act, d *Draft, r *api.StakeRules) (*api.StakeRules, error) {
	if err := a.NeedOperator(); err != nil {
		return nil, err
	}
	d.book().Rules = *r
	a.Changed("stakes")
	now := d.rules()
	return &now, nil
}
