package auction

import (
	"strconv"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// solveTries is how often the winners are asked for when what came back was wrong.
const solveTries = 3

// solveTime is how long a search may take, with all others that wait for the same replicas, before it is asked for again.
const solveTime = time.Hour

// SolveEffect is the kind of the effect that determines winners. Its body is a bundle.Problem, and what it brings is a Solved.
const SolveEffect = "auction.solve"

// Solving is the body of the step with which winner determination begins.
type Solving struct {
	Bids int `json:"bids"`
}

// Solved is what a search has brought: a solution, or why there is none.
type Solved struct {
	Solution *bundle.Solution `json:"solution,omitempty"`
	Failed   string           `json:"failed,omitempty"`
}

// Solve determines the winners of a problem that an effect carries. It may take seconds, and belongs outside of the machine. What needs
// more steps than bundle.DefaultSteps is given up, and the auction called off.
func Solve(problem []byte) ([]byte, error) {
	var p bundle.Problem
	if err := codec.Read(problem, &p); err != nil {
		return nil, err
	}
	r, err := bundle.Solve(&p, bundle.DefaultSteps)
	if err != nil {
		return codec.Marshal(Solved{Failed: err.Error()})
	}
	return codec.Marshal(Solved{Solution: r})
}

// solve asks for the winners of a combinatorial auction.
func solve(a *act.Act, d *Draft, x *Auction) error {
	p := x.bundling(d.rows(x))
	x.State = api.AuctionClosing
	x.Solving++
	if err := x.step(a, StepSolving, Solving{len(p.Bids)}); err != nil {
		return err
	}
	x.awake(a, a.Time.Add(solveTime))
	a.Run(SolveEffect, x.Terms.ID+"/"+strconv.Itoa(x.Solving), p)
	a.Changed(Entity(x.Terms.ID))
	return nil
}

// solveAgain asks once more, and calls the auction off when that was enough.
func solveAgain(a *act.Act, d *Draft, x *Auction, why string) error {
	if x.Solving < solveTries {
		return solve(a, d, x)
	}
	return callOff(a, d, x, unsolved+why)
}

const unsolved = "the winners could not be determined: "

// Outcome takes in what an effect has brought, once the machine has checked it.
func Outcome(a *act.Act, d *Draft, kind, id string, body []byte) error {
	if kind != "solve" {
		return nil
	}
	id, try, _ := strings.Cut(id, "/")
	x, ok := d.auctions.Edit(id)
	if !ok || x.State != api.AuctionClosing || strconv.Itoa(x.Solving) != try {
		return nil // called off meanwhile
	}
	var s Solved
	if err := codec.Read(body, &s); err != nil {
		s.Failed = "the solution cannot be read"
	}
	find := d.rows(x)
	p := x.bundling(find)
	if s.Solution == nil {
		return callOff(a, d, x, unsolved+s.Failed)
	}
	if _, err := bundle.Check(p, s.Solution, bundle.CheckSteps); err != nil {
		return solveAgain(a, d, x, err.Error())
	}
	b := x.bill(x.decide(find, s.Solution), find)
	b.Outcome.Welfare = s.Solution.Welfare
	return finish(a, d, x, b)
}
