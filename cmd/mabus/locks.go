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
	"github.com/mabus-project/mabus/shared/rpc"
)

func newLocks(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "locks", Short: "Take locks, and see who has them",
		Long: `A lock is a name that one holder at a time has (mutex), one writer or many readers (rw), or as many as there are permits
(semaphore). Who waits gets it in the order of arrival. It is held by a lease: when its process dies, it is free some 15 seconds
later. The token of a holder is higher than that of all before; what it writes should carry it.`,
	}
	group(cmd)
	cmd.AddCommand(locksRun(o), locksList(o), locksGet(o), locksAcquire(o), locksRelease(o))
	return cmd
}

// lockFlags say which part of which lock is wanted.
type lockFlags struct {
	req  api.LockAcquireRequest
	kind string
	wait time.Duration
}

func (l *lockFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&l.kind, "kind", string(api.LockMutex), "mutex, rw or semaphore")
	f.BoolVar(&l.req.Shared, "shared", false, "with --kind rw: as one of the readers")
	f.IntVar(&l.req.Capacity, "capacity", 0, "with --kind semaphore: how many permits there are, the same for all who use it")
	f.IntVar(&l.req.Permits, "permits", 0, "with --kind semaphore: how many of them to take; 1 unless given")
	f.DurationVar(&l.wait, "wait", 30*time.Second, "how long to wait for the lock; 0 tries once")
}

// request checks the flags; lease is what stands for the lease that is not there yet.
func (l *lockFlags) request(name, lease string) (api.LockAcquireRequest, error) {
	l.req.Name, l.req.Lease, l.req.Kind, l.req.Wait = name, lease, api.LockKind(l.kind), api.Duration(l.wait)
	if err := l.req.Validate(); err != nil {
		return l.req, fmt.Errorf("%w: %s", errUsage, api.AsError(err).Message)
	}
	return l.req, nil
}

func locksList(o *options) *cobra.Command {
	var req api.LocksListRequest
	var kind string
	cmd := &cobra.Command{
		Use: "list", Short: "List the locks that somebody holds or waits for",
		Example: "  mabus locks list\n  mabus locks list --kind semaphore --json", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			req.Kind = api.LockKind(kind)
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				list := api.LocksListResponse{Locks: []api.Lock{}}
				for l, err := range c.Locks.All(ctx, req) {
					if err != nil {
						return err
					}
					list.Locks = append(list.Locks, l)
				}
				return o.show(cmd, list, func(w io.Writer) {
					row(w, "NAME", "KIND", "CAPACITY", "HELD", "WAITING", "TOKEN", "HOLDERS")
					for _, l := range list.Locks {
						var holders []string
						taken, waiting := 0, 0
						for _, t := range l.Tickets {
							if !t.Granted {
								waiting++
								continue
							}
							taken += t.Takes
							holders = append(holders, who(t))
						}
						row(w, l.Name, l.Kind, capacity(l), taken, waiting, l.Last, strings.Join(holders, ","))
					}
				})
			})
		},
	}
	cmd.Flags().StringVar(&kind, "kind", "", "only locks of this kind: mutex, rw, semaphore or election")
	cmd.Flags().StringVar(&req.Owner, "owner", "", "only locks that this principal holds or waits for")
	return cmd
}

// who names a holder: its principal, or its lease if it has none.
func who(t api.LockTicket) string {
	if t.Owner != "" {
		return t.Owner
	}
	return t.Lease
}

// capacity of an rw lock is no number that anybody has chosen.
func capacity(l api.Lock) string {
	if l.Kind == api.LockRW {
		return "-"
	}
	return fmt.Sprint(l.Capacity)
}

func locksGet(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "get NAME", Short: "Show a lock with its holders and those who wait", Example: "  mabus locks get deploy", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				l, err := c.Locks.Get(ctx, a[0])
				if err != nil {
					return err
				}
				return o.show(cmd, l, func(w io.Writer) {
					row(w, "name", l.Name)
					row(w, "kind", l.Kind)
					row(w, "capacity", capacity(*l))
					fmt.Fprintln(w)
					row(w, "TICKET", "OWNER", "LEASE", "TOKEN", "TAKES", "STATE")
					for _, t := range l.Tickets {
						state := "waits"
						if t.Granted {
							state = "holds"
						}
						takes := fmt.Sprint(t.Takes)
						if t.Takes == api.MaxLockCapacity {
							takes = "all"
						}
						row(w, t.ID, t.Owner, t.Lease, t.Token, takes, state)
					}
				})
			})
		},
	}
}

func locksAcquire(o *options) *cobra.Command {
	var l lockFlags
	var lease, ticket string
	cmd := &cobra.Command{
		Use: "acquire NAME --lease LEASE", Short: "Take a lock for a lease that something else keeps alive",
		Long: `Takes a lock for a lease that another process has acquired and renews (registry.leases.acquire and .renew), and prints its
ticket and token. It is held until it is released or the lease ends. To hold a lock while a command runs, use mabus locks run.`,
		Example: "  mabus locks acquire deploy --lease 7QkqZ --ticket deploy-42 --wait 1m", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if lease == "" {
				return fmt.Errorf("%w: --lease is required: the lock lives by it. mabus locks run has a lease of its own", errUsage)
			}
			l.req.Ticket = ticket
			req, err := l.request(a[0], lease)
			if err != nil {
				return err
			}
			o.timeout = max(o.timeout, l.wait+time.Second)
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				grant, err := rpc.Call(ctx, c.Conn(), api.LocksAcquire, &req)
				if err != nil {
					return err
				}
				return o.show(cmd, grant, func(w io.Writer) {
					row(w, "ticket", grant.Ticket)
					row(w, "token", grant.Token)
				})
			})
		},
	}
	l.flags(cmd)
	cmd.Flags().StringVar(&lease, "lease", "", "the lease that the lock is held by")
	cmd.Flags().StringVar(&ticket, "ticket", "", "name of the ticket, with which the command can be repeated; a name is used once")
	return cmd
}

func locksRelease(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "release NAME TICKET", Short: "Give a lock, or a place in its queue, back",
		Example: "  mabus locks release deploy deploy-42", Args: args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				if _, err := rpc.Call(ctx, c.Conn(), api.LocksRelease, &api.LockReleaseRequest{Name: a[0], Ticket: a[1]}); err != nil {
					return err
				}
				return o.show(cmd, api.Empty{}, func(w io.Writer) { row(w, a[0], "released") })
			})
		},
	}
}
