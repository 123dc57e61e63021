// Command check is the part of compose-cluster-check.sh that is easier said in Go. It finds NATS by NATS_URL, and shows it NATS_CREDS and
// trusts it by NATS_CA if they are set.
//
//	check ports N   prints N free ports of the loopback address
//	check fleet N   has N agents that count their messages and N that echo them run, and waits until all answer
//	check ask       waits until every agent runs where it should and answers, and prints how long that took
//	check load      calls all of them, and takes a lock, again and again; see load
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/credential"
)

var errUsage = errors.New("usage: check ports N | fleet N | ask | load")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	n := 0
	if len(args) == 2 {
		var err error
		if n, err = strconv.Atoi(args[1]); err != nil || n < 1 {
			return errUsage
		}
		args = args[:1]
	}
	switch {
	case len(args) != 1:
		return errUsage
	case args[0] == "ports" && n > 0:
		return ports(n)
	}
	c, err := connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	switch {
	case args[0] == "fleet" && n > 0:
		return fleet(ctx, c, n)
	case args[0] == "ask" && n == 0:
		return ask(ctx, c)
	case args[0] == "load" && n == 0:
		return load(ctx, c, os.Stdin, os.Stdout)
	}
	return errUsage
}

func connect(ctx context.Context) (*client.Client, error) {
	o := client.Options{URL: os.Getenv("NATS_URL"), Name: "compose check", Credentials: os.Getenv("NATS_CREDS")}
	var err error
	if o.Credentials != "" {
		if o.Principal, err = credential.NameIn(o.Credentials); err != nil {
			return nil, err
		}
	}
	if ca := os.Getenv("NATS_CA"); ca != "" {
		if o.TLS, err = credential.ClientTLS(ca, "", ""); err != nil {
			return nil, err
		}
	}
	return client.Connect(ctx, o)
}

// ports prints free ports. They are told apart by being held until all are known.
func ports(n int) error {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close()
		fmt.Println(l.Addr().(*net.TCPAddr).Port)
	}
	return nil
}
