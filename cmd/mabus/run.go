package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/client/job/input"
	"github.com/mabus-project/mabus/client/job/run"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/rpc"
)

// runOptions are the flags of `mabus run`.
type runOptions struct {
	*options
	id      string
	results string
	report  string
	dir     string
}

func newRun(base *options) *cobra.Command {
	o := &runOptions{options: base}
	cmd := &cobra.Command{
		Use:   "run JOB.yaml [INPUT...]",
		Short: "Do a job: many inputs, a fleet of agents, one result file",
		Long: `Starts the agents that the job file names, makes a task of each input, and writes what the agents answer, one JSON object a
line. An input is a file, a folder, a glob, a *.jsonl file (each line is an input), or - for JSON lines from the standard input.

Without --server NATS and all services run in this process, with their data in --data; if another process runs them there
already, this one uses those.

A run that was interrupted is taken up again by its id: tasks that have ended are not done again. The exit status is 1 when
tasks have failed.`,
		Example: "  mabus run examples/gosource/job.yaml \"$(go env GOROOT)/src\"\n  mabus run --id gosource-abc job.yaml data/*.jsonl",
		Args:    args(cobra.MinimumNArgs(1)),
		RunE:    func(cmd *cobra.Command, a []string) error { return o.run(cmd, a[0], a[1:]) },
	}
	f := cmd.Flags()
	f.StringVar(&o.id, "id", "", "id of the run to take up again, or to give to a new one")
	f.StringVar(&o.results, "results", "", "file for the results; as the job says unless given")
	f.StringVar(&o.report, "report", "", "file for the text of the report; as the job says unless given")
	f.StringVar(&o.dir, "dir-on-hosts", "", "where the agent hosts have the job file's folder, for hosts on other machines or in containers")
	return cmd
}

func (o *runOptions) run(cmd *cobra.Command, file string, inputs []string) (err error) {
	j, err := o.load(file)
	if err != nil {
		return err
	}
	log, err := o.logger()
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	url, stop, err := o.stack(ctx, log.Level(max(log.GetLevel(), zerolog.WarnLevel)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	c, err := client.Connect(ctx, o.clientOptions(url))
	if err != nil {
		return err
	}
	defer c.Close()
	wait, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if _, err := c.Services.WaitFor(wait, api.ServicesWaitForRequest{Name: "agenthost", Timeout: api.Duration(20 * time.Second)}); err != nil {
		return fmt.Errorf("no agent host is there: %w", err)
	}
	out, err := newResults(j.Output.Results)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	screen := newScreen(cmd.ErrOrStderr(), o.json)
	r := run.New(run.Config{
		Client: c, Job: j, ID: o.id, Outcome: out.add, Results: out.all, Warn: screen.warn,
		Inputs: input.Expand(inputs, input.Options{
			MaxBytes: j.Limits.MaxInputBytes, Stdin: cmd.InOrStdin(),
			Match: func(in *job.Input) bool { return len(j.Match(in)) > 0 },
		}),
	})
	screen.begin(o.id, file, r)
	runErr := r.Do(ctx)
	screen.end()
	if err := o.finish(cmd, r, j); err != nil {
		return err
	}
	switch {
	case runErr != nil && ctx.Err() != nil:
		fmt.Fprintf(cmd.ErrOrStderr(), "\nInterrupted. Take it up again with:\n  mabus run --id %s %s ...\n", o.id, file)
		return context.Canceled
	case runErr != nil:
		return fmt.Errorf("%w\nTake it up again with: mabus run --id %s %s ...", runErr, o.id, file)
	case r.Stats().Failed > 0:
		return errSilent
	}
	return nil
}

// load reads the job file and settles what the command line says.
func (o *runOptions) load(file string) (*job.Job, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	j, err := job.Parse(data)
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
	if o.id == "" {
		o.id = j.ID(nuid.Next())
	}
	return j, api.CheckID("--id", o.id)
}

// stack returns a NATS server with all services behind it: those of --server, those that another process runs on the data
// directory, or this process's own.
func (o *runOptions) stack(ctx context.Context, log zerolog.Logger) (url string, stop func() error, err error) {
	if o.server != "" {
		return o.server, func() error { return nil }, nil
	}
	wait, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	h, err := natsd.StartOrAttach(wait, natsd.Config{DataDir: o.data, MaxStore: unlimited, Log: log})
	if err != nil || !h.Owned() {
		return urlOf(h), func() error { return nil }, err
	}
	services := &serveOptions{options: o.options}
	own, end := context.WithCancel(context.WithoutCancel(ctx)) // they end after the run, also when it is interrupted
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- daemon.Run(own, daemon.Config{
			NATS: rpc.Options{URL: h.URL(), Namespace: o.namespace, Name: "mabus run"}, Version: version, Log: log,
			OnReady: func(*rpc.Conn) {
				select {
				case <-ready:
				default:
					close(ready)
				}
			},
		}, services.table())
	}()
	stop = func() error {
		end()
		err := <-done
		h.Stop()
		return err
	}
	select {
	case <-ready:
		return h.URL(), stop, nil
	case err := <-done:
		done <- nil
		return "", nil, errors.Join(err, stop())
	case <-wait.Done():
		return "", nil, errors.Join(errors.New("the services did not start in time"), stop())
	}
}

func urlOf(h *natsd.Handle) string {
	if h == nil {
		return ""
	}
	return h.URL()
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

// results is the file of outcomes.
type results struct {
	file *os.File
	w    *bufio.Writer
}

func newResults(path string) (*results, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("write the results: %w", err)
	}
	return &results{f, bufio.NewWriterSize(f, 1<<16)}, nil
}

func (r *results) add(o job.Outcome) error {
	line, err := codec.Marshal(o)
	if err == nil {
		_, err = r.w.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

// all reads the outcomes back, for the report.
func (r *results) all() ([]job.Outcome, error) {
	if err := r.w.Flush(); err != nil {
		return nil, fmt.Errorf("write the results: %w", err)
	}
	f, err := os.Open(r.file.Name())
	if err != nil {
		return nil, fmt.Errorf("read the results: %w", err)
	}
	defer func() { _ = f.Close() }()
	var all []job.Outcome
	dec := codec.NewReader(f)
	for {
		var o job.Outcome
		err := dec.Next(&o)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the results: %w", err)
		}
		all = append(all, o)
	}
}

func (r *results) close() error {
	if err := errors.Join(r.w.Flush(), r.file.Close()); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}
