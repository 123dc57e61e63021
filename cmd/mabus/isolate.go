package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/agenthost/isolate"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func newIsolate(o *options) *cobra.Command {
	var (
		memory, host, dir string
		cpu               float64
		env               map[string]string
		local             bool
	)
	cmd := &cobra.Command{
		Use: "isolate [flags] -- COMMAND [ARG...]", Short: "Run a command once, in a process of its own within bounds",
		Long: `Runs a command once on a host, within the given memory and processors and --timeout, and waits for it. What comes in on the
standard input is the command's; its output, errors and exit status are passed on. Over its memory or out of time it is ended with
all that it has started. A line on the standard error tells what it used, and by what the bounds were kept.`,
		Example: "  mabus isolate --memory 512MiB --cpu 0.5 --timeout 1m -- python3 heavy.py < input.json\n  mabus isolate --local --memory 1GiB -- make report",
		Args:    args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			req := api.IsolateRequest{Command: a, Env: env, Dir: dir, Host: host}
			if local && host != "" {
				return fmt.Errorf("%w: --local runs the command here, --host on a host: choose", errUsage)
			}
			if err := bounds(&req.Resources, memory, cpu); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
			defer cancel()
			if err := standardInput(ctx, &req); err != nil {
				return err
			}
			if err := req.Validate(); err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			var resp *api.IsolateResponse
			run := func(ctx context.Context, c *client.Client) (err error) {
				resp, err = c.Work.Isolate(ctx, req)
				return err
			}
			if err := o.isolate(cmd, local, &req, &resp, run); err != nil {
				return err
			}
			if err := o.isolated(cmd, resp); err != nil {
				return err
			}
			if resp.ExitCode != 0 {
				return exitStatus(resp.ExitCode)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false) // flags after the command are its own
	f.StringVar(&memory, "memory", "", "the most memory, such as 512MiB; no bound unless given")
	f.Float64Var(&cpu, "cpu", 0, "the most processors, such as 0.5; no bound unless given")
	f.StringVar(&host, "host", "", "the host to run it on; any unless given")
	f.StringVar(&dir, "dir", "", "the directory on the host to run it in")
	f.StringToStringVar(&env, "env", nil, "variable of the environment, NAME=VALUE; may be repeated")
	f.BoolVar(&local, "local", false, "run it on this machine, without any server")
	return cmd
}

// isolate runs the request here or by run.
func (o *options) isolate(cmd *cobra.Command, local bool, req *api.IsolateRequest, resp **api.IsolateResponse, run func(context.Context, *client.Client) error) (err error) {
	if !local {
		return o.with(cmd, run)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
	defer cancel()
	*resp, err = isolate.Run(ctx, req, isolate.Options{})
	return err
}

// isolated passes on what the command has written, and tells what it used.
func (o *options) isolated(cmd *cobra.Command, r *api.IsolateResponse) error {
	if o.json {
		return o.show(cmd, r, nil)
	}
	text := string(r.Output) + "\n"
	if strings.HasPrefix(text, `"`) {
		if err := codec.Read(r.Output, &text); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(cmd.OutOrStdout(), text); err != nil {
		return err
	}
	fmt.Fprint(cmd.ErrOrStderr(), r.Stderr)
	if r.Stderr != "" && !strings.HasSuffix(r.Stderr, "\n") {
		fmt.Fprintln(cmd.ErrOrStderr())
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "mabus: "+told(r))
	return nil
}

// told is a line about what the command used, and by what that was bounded.
func told(r *api.IsolateResponse) string {
	parts := []string{fmt.Sprintf("exit status %d after %s", r.ExitCode, r.Took.Std().Round(time.Millisecond))}
	if r.Host != "" {
		parts[0] += " on host " + r.Host
	}
	if r.PeakMemory > 0 {
		parts = append(parts, fmt.Sprintf("peak memory %.1f MiB", float64(r.PeakMemory)/(1<<20)))
	}
	parts = append(parts, fmt.Sprintf("processor time %s user, %s system", r.UserTime.Std().Round(time.Millisecond), r.SystemTime.Std().Round(time.Millisecond)))
	if by := r.Enforced.Memory; by != "" {
		parts = append(parts, "memory bounded by "+by)
	}
	if by := r.Enforced.CPU; by != "" {
		parts = append(parts, "processors bounded by "+by)
	}
	if note := r.Enforced.Note; note != "" {
		parts = append(parts, "not exact: "+note)
	}
	return oneLine(strings.Join(parts, "; "))
}

// standardInput takes what is piped in, but does not wait for a person to type, nor longer than ctx for the end of it.
func standardInput(ctx context.Context, req *api.IsolateRequest) error {
	if isTerminal(os.Stdin) {
		return nil
	}
	var data []byte
	var err error
	done := make(chan struct{})
	go func(in io.Reader) { // ends with its input, or the process
		defer close(done)
		data, err = io.ReadAll(io.LimitReader(in, api.MaxPayload/2))
	}(os.Stdin)
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("the standard input did not end in time: end it, or give none with < /dev/null: %w", context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("read the standard input: %w", err)
	}
	if len(data) == api.MaxPayload/2 {
		return fmt.Errorf("the standard input has %d bytes or more: put it into a file that the command reads", len(data))
	}
	if !utf8.Valid(data) {
		return errors.New("the standard input is not UTF-8 text: put it into a file that the command reads, or encode it, for example with base64")
	}
	if len(data) > 0 {
		req.Input, err = codec.Marshal(string(data))
	}
	return err
}

// bounds reads sizes such as 512MiB and shares of processors such as 0.5.
func bounds(r *api.Resources, memory string, cpu float64) error {
	n, err := parseSize(memory)
	if err != nil {
		return fmt.Errorf("%w: --memory: %w", errUsage, err)
	}
	r.Memory = n
	if math.IsNaN(cpu) || cpu < 0 || cpu > api.MaxCPU/1000 {
		return fmt.Errorf("%w: --cpu is a number of processors, such as 0.5", errUsage)
	}
	r.CPU = int(math.Ceil(cpu * 1000))
	return nil
}
