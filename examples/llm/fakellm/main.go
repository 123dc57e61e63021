// Command fakellm serves the model endpoint of package fake, for examples to run against without a key. It prints its URL,
// which goes into http.url of an agent, and when it is ended what it was asked:
//
//	go run ./examples/llm/fakellm --addr 127.0.0.1:8090 --faults rate_limit=10,cut=5
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mabus-project/mabus/examples/llm/fake"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var opt fake.Options
	flags := flag.NewFlagSet("fakellm", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:0", "address to listen on")
	flags.Uint64Var(&opt.Seed, "seed", 1, "which tries fail")
	flags.DurationVar(&opt.Latency, "latency", 0, "before anything is answered")
	flags.DurationVar(&opt.PerToken, "per-token", 0, "before each token")
	flags.IntVar(&opt.RequestsPerMinute, "rpm", 0, "requests per minute; no bound if 0")
	flags.IntVar(&opt.Burst, "burst", 0, "how many requests of a minute may come at once; all if 0")
	flags.DurationVar(&opt.RetryAfter, "retry-after", 0, "what a 429 that is a fault asks for")
	key := flags.String("key-env", "", "environment variable with the bearer token that requests must carry")
	flags.Func("faults", "percent of tries that fail, such as rate_limit=10,server_error=5,hang=1,cut=5,malformed=5", opt.Faults.Set)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *key != "" {
		opt.Key = os.Getenv(*key)
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Fprintf(out, "http://%s/v1\n", l.Addr())
	endpoint := fake.New(opt)
	server := &http.Server{Handler: endpoint, ReadHeaderTimeout: 10 * time.Second}
	end := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer end()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	s := endpoint.Stats()
	fmt.Fprintf(out, "%d requests: %d answered, %d times 429, %d times 500, %d broken off, %d garbled, %d left by the caller; %d tokens in, %d out\n",
		s.Requests, s.Answered, s.Limited+s.Faults[fake.RateLimit], s.Faults[fake.ServerError], s.Faults[fake.Cut], s.Faults[fake.Malformed],
		s.Left, s.TokensIn, s.TokensOut)
	return nil
}
