package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/client/job/input"
	"github.com/mabus-project/mabus/client/job/run"
	"github.com/mabus-project/mabus/shared/api"
)

// runOptions are the flags of `mabus run`.
type runOptions struct {
	*options
	id      string
	results string
	report  string
	dir     string
	maxCost api.Micro
	capped  bool // --max-cost is given
	market  bool
	budget  api.Micro
	payFrom string
}

func newRun(base *options) *cobra.Command {
	o := &runOptions{options: base}
	cmd := &cobra.Command{
		Use:   "run JOB.yaml [INPUT...]",
		Short: "Do a job: many inputs, a fleet of agents, one result file",
		Long: `Starts the agents that the job file names, makes a task of each input, and writes what the agents answer, one JSON object a
line. An input is a file, a folder, a glob, a *.jsonl file (each line is an input), or - for JSON lines from the standard input.

The job file names the agents (a Go module of the host, or a command), the tasks (which inputs go to which capability),
limits, where results go, and a report at the end. examples/gosource/job.yaml has all of it, client/job/job.schema.json
describes each field; at its least it is:

  version: 1
  name: hello
  agents: [{name: echo, capability: echo, module: echo}]
  tasks: [{capability: echo}]

Without --server NATS and all services run in this process, with their data in --data; if another process runs them there
already, this one uses those.

A run that was interrupted is taken up again by its id: tasks that have ended are not done again. With --max-cost, or
limits.max_cost in the job file, calls are made only while the most that they may cost fits under the cap; when nothing more
does, the run stops, and goes on from there when it is taken up again with a higher cap. With --pay-from the cap is held in an
account first; at the end what was spent is paid from it, and the rest given back. The summary goes to the
standard output, as one JSON object with --json; progress goes to the standard error. The exit status is 0 when all is done,
1 when tasks have failed, inputs could not be read or the budget is exhausted, 2 when the command is not understood, 130 when it was interrupted.`,
		Example: "  mabus run examples/gosource/job.yaml \"$(go env GOROOT)/src\"\n  mabus run --id gosource-abc job.yaml data/*.jsonl",
		Args:    args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			o.capped = cmd.Flags().Changed(maxCost)
			return o.run(cmd, a[0], a[1:])
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.id, "id", "", "id of the run to take up again, or to give to a new one")
	f.StringVar(&o.results, "results", "", "file for the results; as the job says unless given")
	f.StringVar(&o.report, "report", "", "file for the text of the report; as the job says unless given")
	f.BoolVar(&o.market, "market", false, "give the tasks out by auction among the job's agents instead of by the queue: see --budget")
	f.Var(unitsFlag{&o.budget}, "budget", "the most that the agents are paid in a --market, in units, from the account of --as")
	f.Var(microFlag{&o.maxCost}, maxCost, "the most that the job's calls may cost, in micro-units; as the job says unless given. A higher one than before raises the cap")
	f.StringVar(&o.payFrom, payFrom, "", "account of --as in which --max-cost is held, and from which is paid what the calls have cost")
	f.StringVar(&o.dir, "dir-on-hosts", "", "where the agent hosts have the job file's folder, for hosts on other machines or in containers")
	return cmd
}

func (o *runOptions) run(cmd *cobra.Command, file string, inputs []string) (err error) {
	j, err := o.load(file)
	if err != nil {
		return err
	}
	screen := newScreen(cmd.ErrOrStderr(), o.json)
	log, err := o.loggerTo(screen, screen.terminal)
	if err != nil {
		return err
	}
	if !cmd.Flags().Changed("log-level") {
		log = log.Level(zerolog.WarnLevel) // the services of this process are not what the run is about
	}
	ctx, cancel := context.WithCancelCause(cmd.Context())
	defer cancel(nil)
	st, err := newStack(ctx, o.options, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	watching := make(chan struct{})
	defer func() { cancel(nil); <-watching }()
	go func() {
		defer close(watching)
		select {
		case <-ctx.Done():
		case err := <-st.failed:
			cancel(fmt.Errorf("the services of this process have failed: %w", err))
		}
	}()
	c, err := o.connect(ctx, st.url)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := waitFor(ctx, c, "agenthost", embedTime); err != nil {
		return fmt.Errorf("there is no agent host to run the job on, start one with `mabus up` or `mabus serve agenthost`: %w", err)
	}
	return o.do(ctx, cmd, c, j, screen, inputs)
}

// do does the job and says how it went.
func (o *runOptions) do(ctx context.Context, cmd *cobra.Command, c *client.Client, j *job.Job, screen *screen, inputs []string) (err error) {
	for _, arg := range inputs {
		if same(arg, j.Output.Results) {
			return fmt.Errorf("%w: the results would overwrite the input %s: give another file with --results", errUsage, arg)
		}
	}
	out, err := newResults(j.Output.Results)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	var market *run.Market
	if o.market {
		market = &run.Market{Budget: o.budget}
	}
	r := run.New(run.Config{
		Client: c, Job: j, ID: o.id, Outcome: out.add, Results: out.all, Warn: screen.warn, Market: market,
		PayFrom: api.AccountID(o.payFrom),
		Inputs: o.without(j, inputs, input.Expand(inputs, input.Options{
			MaxBytes: j.Limits.MaxInputBytes, Stdin: untilDone(ctx, cmd.InOrStdin()),
			Match: func(in *job.Input) bool { return len(j.Match(in)) > 0 },
		})),
	})
	screen.begin(o.id, cmd.Flags().Arg(0), r)
	runErr := r.Do(ctx)
	screen.end()
	stats := r.Stats()
	if runErr == nil || stats.Planned > 0 {
		err = o.finish(cmd, r, j)
	}
	resume := "Take it up again with:\n  " + o.again(cmd, "")
	var unpaid *job.UnpaidError
	switch {
	case errors.As(runErr, &unpaid):
		return errors.Join(o.unpaid(cmd, unpaid), err)
	case runErr != nil && cmd.Context().Err() != nil:
		fmt.Fprintf(cmd.ErrOrStderr(), "Interrupted. %s\n", resume)
		return errors.Join(context.Canceled, err)
	case runErr != nil && stats.Planned > 0:
		return errors.Join(fmt.Errorf("%w\n%s", runErr, resume), err)
	case runErr != nil:
		return errors.Join(runErr, err)
	case err != nil:
		return err
	case stats.Failed > 0:
		return fmt.Errorf("%d of %d tasks have failed; %s tells why", stats.Failed, stats.Planned, j.Output.Results)
	case stats.Unread > 0:
		return fmt.Errorf("%d of %d inputs could not be read", stats.Unread, stats.Inputs)
	}
	return nil
}

// without leaves out what the run itself writes, which may be in a folder that it works on: else it would never end.
func (o *runOptions) without(j *job.Job, args []string, items iter.Seq2[*input.Item, error]) iter.Seq2[*input.Item, error] {
	base := ""
	if info, err := os.Stat(args0(args)); err == nil && info.IsDir() {
		base = args[0] // then paths are relative to it
	}
	return func(yield func(*input.Item, error) bool) {
		for item, err := range items {
			if err == nil && item.Path != job.StdinPath {
				path := filepath.Join(base, filepath.FromSlash(item.Path))
				rel, relErr := filepath.Rel(abs(o.data), abs(path))
				if abs(path) == abs(j.Output.Results) || relErr == nil && filepath.IsLocal(rel) {
					continue
				}
			}
			if !yield(item, err) {
				return
			}
		}
	}
}

// args0 is the only argument, "" if there are several.
func args0(args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	return ""
}

// abs is an absolute path, or the path itself where there is no working directory.
func abs(path string) string {
	if a, err := filepath.Abs(path); err == nil {
		return a
	}
	return path
}

func same(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// unpaid says why the run has stopped, and how it goes on.
func (o *runOptions) unpaid(cmd *cobra.Command, e *job.UnpaidError) error {
	return fmt.Errorf("stopped: %s of the job's cap of %s are spent, which leaves no room for the next call; %d of %d tasks are done and %d wait for a higher cap\nTake it up again with a higher cap, for example:\n  %s",
		money(e.Budget.Spent), money(e.Budget.Cap), e.Done, e.Planned, e.Waiting, o.again(cmd, e.Suggest().String()))
}

// maxCost is the name of the flag that caps what a job may cost.
const maxCost = "max-cost"

// again is the command line that takes this run up again, with another cap if one is given.
func (o *runOptions) again(cmd *cobra.Command, limit string) string {
	words := []string{"mabus", "run", "--id", o.id}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name != "id" && (f.Name != maxCost || limit == "") {
			words = append(words, "--"+f.Name+"="+f.Value.String())
		}
	})
	if limit != "" {
		words = append(words, "--"+maxCost+"="+limit)
	}
	words = append(words, cmd.Flags().Args()...)
	for i, w := range words {
		if w == "" || strings.Trim(w, shellSafe) != "" {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

const shellSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+./:,@%"

// untilDone is a reader that ends with ctx, also while r has nothing to give, as a terminal.
func untilDone(ctx context.Context, r io.Reader) io.Reader { return &interruptible{ctx: ctx, r: r} }

type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	type read struct {
		data []byte
		err  error
	}
	got := make(chan read, 1)
	size := len(p)
	go func() { // outlives this call only when the process is about to end
		buf := make([]byte, size)
		n, err := i.r.Read(buf)
		got <- read{buf[:n], err}
	}()
	select {
	case <-i.ctx.Done():
		return 0, context.Cause(i.ctx)
	case g := <-got:
		return copy(p, g.data), g.err
	}
}

// load reads the job file and settles what the command line says.
func (o *runOptions) load(file string) (*job.Job, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	j, err := job.ParseIn(data, os.LookupEnv)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	dir := o.dir
	if dir == "" {
		if dir, err = filepath.Abs(filepath.Dir(file)); err != nil {
			return nil, err
		}
	} else if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("%w: --dir-on-hosts must be an absolute path", errUsage)
	}
	j.Resolve(dir)
	if o.results != "" {
		j.Output.Results = o.results
	}
	if o.report != "" {
		j.Output.Report = o.report
	}
	if o.market != (o.budget > 0) {
		return nil, fmt.Errorf("%w: --market and --budget go together", errUsage)
	}
	if o.capped {
		j.Limits.MaxCost = &o.maxCost
	}
	if err := checkPayer(o.options, o.payFrom); err != nil {
		return nil, err
	}
	if o.payFrom != "" && j.Limits.MaxCost == nil {
		return nil, fmt.Errorf("%w: --pay-from needs --max-cost: that is what is held", errUsage)
	}
	if o.id == "" {
		o.id = j.ID(nuid.Next())
	}
	return j, api.CheckID("--id", o.id)
}

// finish prints the report and the summary, and writes the report's file.
func (o *runOptions) finish(cmd *cobra.Command, r *run.Run, j *job.Job) error {
	report := r.Report()
	if report != nil && j.Output.Report != "" {
		if err := os.WriteFile(j.Output.Report, []byte(report.Text), 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	sum := summarise(o.id, j.Output.Results, r)
	if report != nil {
		sum.Report = report.Data
	}
	return o.show(cmd, sum, func(w io.Writer) {
		if report != nil {
			fmt.Fprintln(cmd.OutOrStdout(), report.Text)
		}
		sum.print(w)
	})
}
