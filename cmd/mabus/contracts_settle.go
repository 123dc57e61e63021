package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func contractsDeliver(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "deliver CONTRACT [RESULT]", Short: "Deliver what a contract is about: for the provider", Args: args(cobra.RangeArgs(1, 2)),
		Long:    `Delivers what a contract is about, for the buyer to judge. RESULT is JSON, or else a text.`,
		Example: "  mabus contracts deliver tender-t1 '{\"sum\":7}' --as a1\n  mabus contracts deliver tender-t1 --as a1",
	}, func(a []string) (r api.ContractDeliverRequest, err error) {
		if r.ID = a[0]; len(a) > 1 {
			r.Result, err = jsonOrText(a[1])
		}
		return r, err
	}, func(ctx context.Context, c *client.Client, r api.ContractDeliverRequest) (*api.Contract, error) {
		if r.Result == nil { // a nil RawMessage would be the text null
			return c.Contracts.Deliver(ctx, r.ID, nil)
		}
		return c.Contracts.Deliver(ctx, r.ID, r.Result)
	}, printContract)
}

func contractsAccept(o *options) *cobra.Command {
	var req api.ContractAcceptRequest
	var judged judgement
	cmd := sends(o, &cobra.Command{
		Use: "accept CONTRACT", Short: "Accept what was delivered, and pay for it: for the buyer, or the judge", Args: args(cobra.ExactArgs(1)),
		Example: "  mabus contracts accept tender-t1 --as boss\n  mabus contracts accept tender-t1 --quality 0.6 --reason 'half is missing' --as boss",
	}, func(a []string) (_ api.ContractAcceptRequest, err error) {
		req.ID = a[0]
		req.Quality, req.Satisfaction, err = judged.read()
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.ContractAcceptRequest) (*api.Contract, error) {
		return c.Contracts.Accept(ctx, r)
	}, printContract)
	judged.flags(cmd)
	cmd.Flags().StringVar(&req.Reason, "reason", "", "why, for the other party")
	return cmd
}

func contractsReject(o *options) *cobra.Command {
	var req api.ContractRejectRequest
	cmd := sends(o, &cobra.Command{
		Use: "reject CONTRACT", Short: "Reject what was delivered: for the buyer, or the judge",
		Example: "  mabus contracts reject tender-t1 --reason 'it is empty' --as boss",
		Args:    args(cobra.ExactArgs(1)),
	}, func(a []string) (api.ContractRejectRequest, error) {
		req.ID = a[0]
		return req, nil
	}, func(ctx context.Context, c *client.Client, r api.ContractRejectRequest) (*api.Contract, error) {
		return c.Contracts.Reject(ctx, r.ID, r.Reason)
	}, printContract)
	cmd.Flags().StringVar(&req.Reason, "reason", "", "why, for the other party")
	return cmd
}

func contractsCancel(o *options) *cobra.Command {
	var req api.ContractCancelRequest
	cmd := sends(o, &cobra.Command{
		Use: "cancel CONTRACT", Short: "Give a contract up: it is cancelled when the other party does too", Args: args(cobra.ExactArgs(1)),
		Example: "  mabus contracts cancel tender-t1 --reason 'not needed' --as boss\n  mabus contracts cancel tender-t1 --forfeit --as a1",
	}, func(a []string) (api.ContractCancelRequest, error) {
		req.ID = a[0]
		return req, nil
	}, func(ctx context.Context, c *client.Client, r api.ContractCancelRequest) (*api.Contract, error) {
		return c.Contracts.Cancel(ctx, r)
	}, printContract)
	cmd.Flags().StringVar(&req.Reason, "reason", "", "why, for the other party")
	cmd.Flags().BoolVar(&req.Forfeit, "forfeit", false, "for the provider: do not wait for the buyer, and be in breach")
	return cmd
}
