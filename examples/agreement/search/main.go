// Command search has agents look for the best way to keep a part of Go's source tree in compressed blocks that are read at random:
// how large the blocks are, how hard to compress, and how large a dictionary all of them share. What a candidate is worth is
// measured, by compressing the files.
//
//	go run ./examples/agreement/search
//	go run ./examples/agreement/search -algorithm successive_halving -tree src/encoding
package main

import (
	"context"
	"flag"
	"fmt"
	"go/build"
	"io"
	"os"
	"os/signal"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/examples/agreement"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/daemon"
)

// options are the flags, and what tests change.
type options struct {
	server    string
	services  []daemon.Service
	goroot    string
	tree      string
	reads     int64
	algorithm string
	agents    int
	params    api.SearchParams
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o := options{params: space()}
	flag.StringVar(&o.server, "server", os.Getenv("NATS_URL"), "URL of a NATS server with Mabus; one is started unless given (NATS_URL)")
	flag.StringVar(&o.goroot, "goroot", build.Default.GOROOT, "Go's tree")
	flag.StringVar(&o.tree, "tree", "src/encoding", "directory of the tree whose Go files are kept")
	flag.Int64Var(&o.reads, "reads", 400, "blocks that are read, each at its compressed size")
	flag.StringVar(&o.algorithm, "algorithm", "grid", "grid, random or successive_halving")
	flag.IntVar(&o.agents, "agents", 4, "agents that measure")
	flag.Parse()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// space is what is searched: 8 sizes of blocks, 3 levels, 3 dictionaries.
func space() api.SearchParams {
	least, most := 512*api.One, 65536*api.One
	return api.SearchParams{
		ParameterSpace: map[string]api.SearchRange{
			"block": {Min: &least, Max: &most, Steps: 8, Scale: "log", Integer: true},
			"level": {Values: values("1", "6", "9")},
			"dict":  {Values: values("0", "8192", "32768")},
		},
		Objective: "minimise", MaxEvaluations: 100,
	}
}

func run(ctx context.Context, out io.Writer, o options) (err error) {
	files, err := list(o.goroot, o.tree)
	if err != nil {
		return err
	}
	r, err := agreement.Open(ctx, agreement.Config{Server: o.server, Services: o.services, Modules: []agent.Module{measurer}})
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := r.Close(ctx); err == nil {
			err = closeErr
		}
	}()
	config, err := codec.Marshal(settings{Goroot: o.goroot})
	if err != nil {
		return err
	}
	var members []string
	for i := range o.agents {
		id, err := r.Start(ctx, fmt.Sprint("measurer", i+1), measurer.Name, config)
		if err != nil {
			return err
		}
		members = append(members, id)
	}
	if o.algorithm == "successive_halving" { // the first rung sees a part of the files, the last all of them
		first, all := api.Decimal(max(1, len(files)/9))*api.One, api.Decimal(len(files))*api.One
		o.params.MinBudget, o.params.MaxBudget = &first, &all
	}
	x, err := search(ctx, r, o, members)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d files of %s, %d reads, by %s\n\n", len(files), o.tree, o.reads, o.algorithm)
	return report(out, r, x)
}

func search(ctx context.Context, r *agreement.Runtime, o options, members []string) (*api.Session, error) {
	params, err := codec.Marshal(o.params)
	if err != nil {
		return nil, err
	}
	question, err := codec.Marshal(question{Tree: o.tree, Reads: o.reads})
	if err != nil {
		return nil, err
	}
	x, err := r.Client.Sessions.Run(ctx, api.SessionStartRequest{
		Type: api.SessionSearch, Algorithm: o.algorithm, Params: params, Question: question, Members: members,
	})
	switch {
	case err != nil:
		return nil, err
	case x.State != api.SessionCompleted:
		return nil, fmt.Errorf("the search has %s: %s", x.State, x.Reason)
	}
	return x, nil
}
