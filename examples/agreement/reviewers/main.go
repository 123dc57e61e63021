// Command reviewers has five agents review a document of Go's source tree. Each has a criterion of its own, reads the document, and
// votes to accept or to reject it; the majority decides.
//
//	go run ./examples/agreement/reviewers
//	go run ./examples/agreement/reviewers -document src/cmd/compile/README.md
package main

import (
	"context"
	"flag"
	"fmt"
	"go/build"
	"io"
	"os"
	"os/signal"
	"text/tabwriter"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/examples/agreement"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/daemon"
)

// options are the flags, and what tests change.
type options struct {
	server   string
	services []daemon.Service
	goroot   string
	document string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	flag.StringVar(&o.server, "server", os.Getenv("NATS_URL"), "URL of a NATS server with Mabus; one is started unless given (NATS_URL)")
	flag.StringVar(&o.goroot, "goroot", build.Default.GOROOT, "Go's tree")
	flag.StringVar(&o.document, "document", "doc/godebug.md", "Markdown document of the tree")
	flag.Parse()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, o options) (err error) {
	r, err := agreement.Open(ctx, agreement.Config{Server: o.server, Services: o.services, Modules: []agent.Module{reviewer}})
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := r.Close(ctx); err == nil {
			err = closeErr
		}
	}()
	x, err := review(ctx, r, o)
	if err != nil {
		return err
	}
	return report(out, r, o.document, x)
}

// review starts a reviewer for each criterion and has them vote.
func review(ctx context.Context, r *agreement.Runtime, o options) (*api.Session, error) {
	var members []string
	for _, c := range criteria {
		config, err := codec.Marshal(settings{Goroot: o.goroot, Criterion: c.name})
		if err != nil {
			return nil, err
		}
		id, err := r.Start(ctx, c.name, reviewer.Name, config)
		if err != nil {
			return nil, err
		}
		members = append(members, id)
	}
	// With the whole turnout the session also waits for those whose votes no longer matter: their findings do.
	params, err := codec.Marshal(api.BallotParams{Options: []string{accept, reject}, MinTurnout: api.One})
	if err != nil {
		return nil, err
	}
	about, err := codec.Marshal(question{Document: o.document})
	if err != nil {
		return nil, err
	}
	return r.Client.Sessions.Run(ctx, api.SessionStartRequest{
		Type: api.SessionConsensus, Algorithm: api.BallotMajority, Params: params, Question: about, Members: members,
	})
}

// report prints who has voted how and why, and the decision.
func report(out io.Writer, r *agreement.Runtime, document string, x *api.Session) error {
	if x.State != api.SessionCompleted || len(x.Rounds) == 0 {
		return fmt.Errorf("the session has %s: %s", x.State, x.Reason)
	}
	var result api.BallotResult
	if err := codec.Read(x.Result, &result); err != nil {
		return fmt.Errorf("read the result of session %s: %w", x.ID, err)
	}
	fmt.Fprintf(out, "%s\n\n", document)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "REVIEWER\tVOTE\tFINDING")
	for _, a := range x.Rounds[0].Asks {
		var v api.BallotAnswer
		switch {
		case a.State != api.AskAnswered:
			v.Choice, v.Reason = "("+string(a.State)+")", a.Error
		case codec.Read(a.Answer, &v) != nil:
			v.Choice = string(a.Answer)
		case v.Abstain:
			v.Choice = "abstain"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.Name(a.Member), v.Choice, v.Reason)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	decision := "none: no majority of those who have voted, or not all have answered"
	if result.ConsensusReached {
		decision = result.Decision
	}
	_, err := fmt.Fprintf(out, "\ndecision  %s (%s to accept, %s to reject, %d of %d abstain)\nsession   %s, %s\n",
		decision, result.Tally[accept], result.Tally[reject], result.Abstained, result.Members, x.ID, x.Stats.Duration)
	return err
}
