// Command byzantine has four members decide on a payment although one of them lies: it proposes two other payments at once, votes for
// both, and claims that one is decided. The three others, agents that only tell whether a payment is right, decide all the same, and
// their signatures prove it.
//
//	go run ./examples/agreement/byzantine
//	go run ./examples/agreement/byzantine -liars 2    # more than one of four cannot be survived: nothing is decided
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/examples/agreement"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/daemon"
)

const members = 4

// due is the payment that the session proposes, and that the jurors have in their books.
var due = payment{Invoice: "2026-114", To: "supplier", Amount: 120}

// options are the flags, and what tests change.
type options struct {
	server   string
	services []daemon.Service
	out      string
	liars    int
	timeout  time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	flag.StringVar(&o.server, "server", os.Getenv("NATS_URL"), "URL of a NATS server with Mabus; one is started unless given (NATS_URL)")
	flag.StringVar(&o.out, "out", "byzantine-proof", "directory for the certificate and the members' keys")
	flag.IntVar(&o.liars, "liars", 1, "members that lie, 0 to 4")
	flag.DurationVar(&o.timeout, "timeout", 20*time.Second, "how long the members have to decide")
	flag.Parse()
	if err := hold(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// jury is who takes part.
type jury struct {
	*agreement.Runtime
	ids   []string
	liars []*liar
}

// convene starts the members, the liars first: the first member is the first to propose.
func convene(ctx context.Context, o options) (*jury, error) {
	if o.liars < 0 || o.liars > members {
		return nil, fmt.Errorf("of %d members 0 to %d can lie, not %d", members, members, o.liars)
	}
	r, err := agreement.Open(ctx, agreement.Config{Server: o.server, Services: o.services, Modules: []agent.Module{juror}, Hosts: max(1, members-o.liars)})
	if err != nil {
		return nil, err
	}
	j := &jury{Runtime: r}
	if err := j.seat(ctx, o.liars); err != nil {
		return nil, errors.Join(err, j.adjourn(ctx))
	}
	return j, nil
}

func (j *jury) seat(ctx context.Context, liars int) error {
	first, second := due, due
	first.To, second.To = "liar", "liar"
	first.Amount, second.Amount = 12000, 120
	for i := range members {
		if i >= liars {
			config, err := codec.Marshal(books{Invoices: []payment{due}})
			if err != nil {
				return err
			}
			id, err := j.Start(ctx, fmt.Sprint("juror", i+1), juror.Name, config)
			if err != nil {
				return err
			}
			j.ids = append(j.ids, id)
			continue
		}
		id, err := j.Register(ctx, fmt.Sprint("liar", i+1))
		if err != nil {
			return err
		}
		l := &liar{id: id}
		for k, p := range []payment{first, second} {
			if l.lies[k], err = codec.Marshal(p); err != nil {
				return err
			}
		}
		j.liars = append(j.liars, l)
		j.ids = append(j.ids, id)
		if err := l.listen(ctx, j.URL); err != nil {
			return err
		}
	}
	return nil
}

// adjourn ends everybody's part.
func (j *jury) adjourn(ctx context.Context) error {
	for _, l := range j.liars {
		l.close()
	}
	return j.Close(ctx)
}

// decide has the members decide on the payment.
func (j *jury) decide(ctx context.Context, timeout time.Duration) (*api.Session, error) {
	question, err := codec.Marshal(due)
	if err != nil {
		return nil, err
	}
	f := (members - 1) / 3
	params, err := codec.Marshal(api.ByzantineParams{F: &f, Timeout: api.Duration(time.Second)})
	if err != nil {
		return nil, err
	}
	return j.Client.Sessions.Run(ctx, api.SessionStartRequest{
		Type: api.SessionByzantine, Params: params, Question: question, Members: j.ids, Timeout: api.Duration(timeout),
	})
}
