// Command conformance checks whether a program is a proper worker of Mabus:
//
//	go run ./test/conformance -- python3 my_worker.py
//
// It prints a line for each transcript, and exits with status 1 if one of them failed. README.md tells what the worker must do.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/mabus-project/mabus/test/conformance/kit"
)

func main() {
	only := flag.String("run", "", "play only the transcripts whose names contain this")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: conformance [-run NAME] -- COMMAND [ARGUMENT...]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	failed, err := play(ctx, *only, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

// play plays the transcripts one after the other, and returns how many failed.
func play(ctx context.Context, only string, command []string) (failed int, err error) {
	all, err := kit.All()
	if err != nil {
		return 0, err
	}
	played := 0
	for _, t := range all {
		if !strings.Contains(t.Name, only) || ctx.Err() != nil {
			continue
		}
		played++
		verdict := "ok    "
		err := t.Run(ctx, command)
		if err != nil {
			verdict = "FAILED"
			failed++
		}
		fmt.Printf("%s  %-20s  %s\n", verdict, t.Name, t.Title)
		if err != nil {
			fmt.Printf("\t%v\n", err)
		}
	}
	fmt.Printf("%d of %d transcripts passed\n", played-failed, played)
	return failed, ctx.Err()
}
