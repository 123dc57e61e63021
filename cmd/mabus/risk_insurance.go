package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func riskInsurance(o *options) *cobra.Command {
	poolMoney := func(use, short, example string, f func(ctx context.Context, c *client.Client, r api.PoolMoneyRequest) (*api.Pool, error)) *cobra.Command {
		return one(o, use+" POOL AMOUNT", short, example, 2, func(ctx context.Context, c *client.Client, a []string) (*api.Pool, error) {
			m, err := amountOf("AMOUNT", a[1])
			if err != nil {
				return nil, err
			}
			r := api.PoolMoneyRequest{Pool: a[0], Amount: m}
			if err := valid(&r); err != nil {
				return nil, err
			}
			return f(ctx, c, r)
		}, printPool)
	}
	return branch("insurance", "Pools, the policies that they sell, and claims",
		one(o, "create POOL TERMS", "Create a pool, with its terms as JSON",
			`  mabus risk insurance create p1 '{"rates":{"performance_failure":0.02}}' --as ann`, 2,
			func(ctx context.Context, c *client.Client, a []string) (*api.Pool, error) {
				r := api.PoolCreateRequest{}
				if err := fromJSON("TERMS", a[1], &r.PoolTerms); err != nil {
					return nil, err
				}
				r.ID = a[0]
				if err := valid(&r); err != nil {
					return nil, err
				}
				return c.Risk().Insurance.CreatePool(ctx, r)
			}, printPool),
		poolMoney("fund", "Pay into a pool", "  mabus risk insurance fund p1 1000 --as ann",
			func(ctx context.Context, c *client.Client, r api.PoolMoneyRequest) (*api.Pool, error) {
				return c.Risk().Insurance.Fund(ctx, r)
			}),
		poolMoney("withdraw", "Take out of one's pool what no policy needs", "  mabus risk insurance withdraw p1 100 --as ann",
			func(ctx context.Context, c *client.Client, r api.PoolMoneyRequest) (*api.Pool, error) {
				return c.Risk().Insurance.Withdraw(ctx, r)
			}),
		one(o, "close POOL", "Sell no more policies", "  mabus risk insurance close p1 --as ann", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Pool, error) {
				return c.Risk().Insurance.ClosePool(ctx, a[0])
			}, printPool),
		one(o, "pool POOL", "Show a pool", "  mabus risk insurance pool p1", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Pool, error) {
				return c.Risk().Insurance.Pool(ctx, a[0])
			}, printPool),
		none(o, "pools", "List the pools", "  mabus risk insurance pools", func(ctx context.Context, c *client.Client) (*api.PoolsListResponse, error) {
			all, err := c.Risk().Insurance.Pools(ctx)
			return &api.PoolsListResponse{Pools: append([]api.Pool{}, all...)}, err
		}, func(w io.Writer, l *api.PoolsListResponse) {
			row(w, "POOL", "OWNER", "FREE", "RESERVED", "POLICIES", "PREMIUMS", "PAID", "COVERS")
			for i := range l.Pools {
				p := &l.Pools[i]
				row(w, p.ID, p.Owner, money(p.Free), money(p.Reserved), p.Policies, money(p.Premiums), money(p.Paid), strings.Join(p.Covered(), ","))
			}
		}),
		coverCommand(o, "quote", "Tell what a policy would cost", "  mabus risk insurance quote p1 100 performance_failure --subject a1 --term 720h",
			func(ctx context.Context, c *client.Client, r *api.PolicyBuyRequest) (*api.Quote, error) {
				return c.Risk().Insurance.Quote(ctx, r.Cover)
			},
			printQuote),
		coverCommand(o, "buy", "Buy a policy", "  mabus risk insurance buy p1 100 performance_failure --subject a1 --term 720h --id x1 --as ann",
			func(ctx context.Context, c *client.Client, r *api.PolicyBuyRequest) (*api.Policy, error) {
				return c.Risk().Insurance.Buy(ctx, *r)
			}, printPolicy),
		one(o, "policy ID", "Show a policy", "  mabus risk insurance policy x1", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Policy, error) {
				return c.Risk().Insurance.Policy(ctx, a[0])
			}, printPolicy),
		policiesList(o), claimFile(o), claimJudge(o),
		one(o, "appeal CLAIM STATEMENT", "Appeal against a denial", "  mabus risk insurance appeal c1 'look again' --as ann", 2,
			func(ctx context.Context, c *client.Client, a []string) (*api.Claim, error) {
				return c.Risk().Insurance.AppealClaim(ctx, a[0], a[1])
			}, printClaim),
		one(o, "claim ID", "Show a claim", "  mabus risk insurance claim c1", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Claim, error) {
				return c.Risk().Insurance.Claim(ctx, a[0])
			}, printClaim),
		claimsList(o))
}

// coverCommand is a command about what a policy shall cover.
func coverCommand[T any](o *options, use, short, example string, f func(ctx context.Context, c *client.Client, r *api.PolicyBuyRequest) (T, error),
	table func(w io.Writer, v T),
) *cobra.Command {
	r := &api.PolicyBuyRequest{}
	cmd := one(o, use+" POOL VALUE TYPE[,TYPE]...", short, example, 3, func(ctx context.Context, c *client.Client, a []string) (v T, err error) {
		r.Pool, r.Types = a[0], strings.Split(a[2], ",")
		if r.Value, err = amountOf("VALUE", a[1]); err != nil {
			return v, err
		}
		if err := valid(r); err != nil {
			return v, err
		}
		return f(ctx, c, r)
	}, table)
	cmd.Flags().StringVar(&r.Subject, "subject", "", "agent whose work is insured (oneself)")
	cmd.Flags().StringVar((*string)(&r.Complexity), "complexity", "", "of the work: low, medium, high or critical (medium)")
	cmd.Flags().DurationVar((*time.Duration)(&r.Term), "term", 30*24*time.Hour, "how long the policy lasts")
	if use == "buy" {
		cmd.Flags().StringVar(&r.ID, "id", "", "its permanent name; one is made unless given")
		cmd.Flags().Var(unitsFlag{&r.MaxPremium}, "max-premium", "the most that one pays")
	}
	return cmd
}

func printPool(w io.Writer, p *api.Pool) {
	row(w, "pool", p.ID)
	row(w, "owner", p.Owner)
	row(w, "free", money(p.Free))
	row(w, "reserved", fmt.Sprintf("%s for %d policies", money(p.Reserved), p.Policies))
	row(w, "funded", money(p.Funded))
	row(w, "premiums", money(p.Premiums))
	row(w, "paid", fmt.Sprintf("%s for %d claims", money(p.Paid), p.Claims))
	row(w, "withdrawn", money(p.Withdrawn))
	row(w, "coverage", p.Coverage)
	for _, t := range p.Covered() {
		row(w, "rate of "+t, fmt.Sprintf("%s in %s", p.Rates[t], p.Period.Std()))
	}
	row(w, "closed", p.Closed)
}

func printQuote(w io.Writer, q *api.Quote) {
	row(w, "premium", money(q.Premium))
	row(w, "limit", money(q.Limit))
	row(w, "risk", fmt.Sprintf("%s, %s", q.Risk, q.Level))
	row(w, "reputation", q.Reputation)
	row(w, "failures", q.FailureRate)
	row(w, "available", q.Available)
}

func printPolicy(w io.Writer, p *api.Policy) {
	row(w, "id", p.ID)
	row(w, "holder", p.Holder)
	row(w, "pool", p.Pool)
	row(w, "subject", p.Subject)
	row(w, "covers", strings.Join(p.Types, ","))
	row(w, "state", p.State)
	row(w, "value", money(p.Value))
	row(w, "premium", money(p.Premium))
	row(w, "limit", fmt.Sprintf("%s, %s paid, %s reserved", money(p.Limit), money(p.Paid), money(p.Reserved)))
	row(w, "risk", fmt.Sprintf("%s, %s", p.Risk, p.Level))
	row(w, "claims", fmt.Sprintf("%d, %d open", p.Claims, p.Open))
	row(w, "until", p.Until.Local().Format(time.DateTime))
}

func policiesList(o *options) *cobra.Command {
	var req api.PoliciesListRequest
	const example = "  mabus risk insurance policies --holder ann"
	cmd := none(o, "policies", "List policies", example, func(ctx context.Context, c *client.Client) (*api.PoliciesListResponse, error) {
		req.Limit = api.MaxPage
		if err := valid(&req); err != nil {
			return nil, err
		}
		all, err := c.Risk().Insurance.Policies(ctx, req)
		return &api.PoliciesListResponse{Policies: append([]api.Policy{}, all...)}, err
	}, func(w io.Writer, l *api.PoliciesListResponse) {
		row(w, "ID", "HOLDER", "POOL", "SUBJECT", "STATE", "PREMIUM", "LIMIT", "PAID", "CLAIMS")
		for i := range l.Policies {
			p := &l.Policies[i]
			row(w, p.ID, p.Holder, p.Pool, p.Subject, p.State, money(p.Premium), money(p.Limit), money(p.Paid), p.Claims)
		}
	})
	cmd.Flags().StringVar(&req.Holder, "holder", "", "only those of this holder")
	cmd.Flags().StringVar(&req.Pool, "pool", "", "only those of this pool")
	cmd.Flags().StringVar((*string)(&req.State), "state", "", "only those in this state")
	return cmd
}

func claimFile(o *options) *cobra.Command {
	var req api.ClaimFileRequest
	evidence := ""
	cmd := one(o, "file POLICY TYPE EVENT", "Claim a loss", "  mabus risk insurance file x1 performance_failure contract/c1 --loss 20 --as ann", 3,
		func(ctx context.Context, c *client.Client, a []string) (*api.Claim, error) {
			req.Policy, req.Type, req.Event = a[0], a[1], a[2]
			if evidence != "" {
				var err error
				if req.Evidence, err = jsonOrText(evidence); err != nil {
					return nil, err
				}
			}
			if err := valid(&req); err != nil {
				return nil, err
			}
			return c.Risk().Insurance.File(ctx, req)
		}, printClaim)
	cmd.Flags().StringVar(&req.ID, "id", "", "its permanent name; one is made unless given")
	cmd.Flags().Var(unitsFlag{&req.Loss}, "loss", "what was lost (the value of the policy)")
	cmd.Flags().Var(decimalFlag{&req.Gap}, "gap", "between the quality that was promised and the one delivered, 0 to 1")
	cmd.Flags().StringVar(&evidence, "evidence", "", "JSON, or else a text")
	return cmd
}

func claimJudge(o *options) *cobra.Command {
	var req api.ClaimJudgeRequest
	cmd := one(o, "judge CLAIM", "Pay a claim or deny it, or bring the session of its jury",
		"  mabus risk insurance judge c1 --approve --as owner\n  mabus risk insurance judge c1 --session case-1", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.Claim, error) {
			req.ID = a[0]
			if err := valid(&req); err != nil {
				return nil, err
			}
			return c.Risk().Insurance.JudgeClaim(ctx, req)
		}, printClaim)
	cmd.Flags().BoolVar(&req.Approve, "approve", false, "pay it; denied unless given")
	cmd.Flags().Var(unitsFlag{&req.Amount}, "amount", "pay less than it is worth")
	cmd.Flags().StringVar(&req.Session, "session", "", "the session that has decided")
	cmd.Flags().StringVar(&req.Note, "note", "", "why")
	return cmd
}

func printClaim(w io.Writer, c *api.Claim) {
	row(w, "id", c.ID)
	row(w, "policy", c.Policy)
	row(w, "holder", c.Holder)
	row(w, "type", c.Type)
	row(w, "event", c.Event)
	row(w, "state", c.State)
	row(w, "worth", money(c.Worth))
	row(w, "paid", money(c.Paid))
	for _, f := range []struct{ name, value string }{{"jury", strings.Join(c.Jury, ",")}, {"judged by", c.JudgedBy}, {"note", c.Note}, {"appeal", c.Appeal}} {
		if f.value != "" {
			row(w, f.name, f.value)
		}
	}
}

func claimsList(o *options) *cobra.Command {
	var req api.ClaimsListRequest
	const example = "  mabus risk insurance claims --pool p1 --state filed"
	cmd := none(o, "claims", "List claims", example, func(ctx context.Context, c *client.Client) (*api.ClaimsListResponse, error) {
		req.Limit = api.MaxPage
		if err := valid(&req); err != nil {
			return nil, err
		}
		all, err := c.Risk().Insurance.Claims(ctx, req)
		return &api.ClaimsListResponse{Claims: append([]api.Claim{}, all...)}, err
	}, func(w io.Writer, l *api.ClaimsListResponse) {
		row(w, "ID", "POLICY", "HOLDER", "TYPE", "EVENT", "STATE", "WORTH", "PAID")
		for i := range l.Claims {
			c := &l.Claims[i]
			row(w, c.ID, c.Policy, c.Holder, c.Type, c.Event, c.State, money(c.Worth), money(c.Paid))
		}
	})
	cmd.Flags().StringVar(&req.Policy, "policy", "", "only those of this policy")
	cmd.Flags().StringVar(&req.Pool, "pool", "", "only those of this pool")
	cmd.Flags().StringVar((*string)(&req.State), "state", "", "only those in this state")
	return cmd
}
