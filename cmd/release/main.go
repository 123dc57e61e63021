// Command release makes what is published of a version: for each target an archive with the program, what it is made of (CycloneDX) and
// the licences of that, and the checksums of all. The same source and version of Go give the same bytes, wherever they are. Run it from the
// repository root:
//
//	go run ./cmd/release --version 0.2.0
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

func main() {
	r := Release{Root: ".", Package: "./cmd/mabus", Name: "mabus", Files: []string{"README.md", "LICENSE", "CHANGELOG.md"}}
	targets := flag.String("targets", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64", "operating systems and processors")
	flag.StringVar(&r.Version, "version", "", "version, such as 0.2.0; that of the source unless given")
	flag.StringVar(&r.Out, "out", "dist", "directory to write to")
	flag.Parse()
	r.Targets = strings.Split(*targets, ",")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := r.Make(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		stop()
		os.Exit(1)
	}
}
