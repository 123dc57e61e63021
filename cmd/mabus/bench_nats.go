package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/shared/natsd"
)

// newBenchNATS runs the server of a measurement, which ends with its standard input: so it does not outlive its parent.
func newBenchNATS() *cobra.Command {
	return &cobra.Command{
		Use: "nats DIR", Hidden: true, Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			srv, err := natsd.Start(cmd.Context(), natsd.Config{DataDir: a[0], MaxStore: unlimited})
			if err != nil {
				return err
			}
			defer srv.Stop()
			fmt.Fprintln(cmd.OutOrStdout(), srv.URL())
			_, _ = io.Copy(io.Discard, cmd.InOrStdin())
			return nil
		},
	}
}

// startBenchServer runs this program as a NATS server on a directory of its own and a free port of the loopback interface.
func startBenchServer() (*server, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	dir, err := os.MkdirTemp("", "mabus-bench-")
	if err != nil {
		return nil, err
	}
	child := exec.Command(exe, "bench", "nats", dir) // no context: it is stopped last, when nobody needs it any more
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("start a NATS server: %w", err)
	}
	stop := func() {
		_ = in.Close()
		_ = child.Wait()
		_ = os.RemoveAll(dir)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return nil, fmt.Errorf("the NATS server did not start: %w", err)
	}
	return &server{url: strings.TrimSpace(url), stop: stop}, nil
}
