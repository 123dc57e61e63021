package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Release is what is to be made.
type Release struct {
	Root    string   // of the module
	Package string   // of the program, as go build wants it
	Name    string   // of the program
	Version string   // semantic, without a v; empty is that of the source
	Targets []string // such as linux/amd64
	Files   []string // that go into each archive, below Root
	Out     string   // directory to write to
}

var (
	semantic = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)
	target   = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9]+$`)
	inSource = regexp.MustCompile(`(?m)^var version = "([^"]+)"$`)
)

// Make writes the archives, a list of materials beside each, and SHA256SUMS.
func (r Release) Make(ctx context.Context) error {
	if r.Version == "" {
		source, err := os.ReadFile(filepath.Join(r.Root, r.Package, "main.go"))
		if err != nil {
			return err
		}
		found := inSource.FindSubmatch(source)
		if found == nil {
			return fmt.Errorf("%s has no version: give --version", r.Package)
		}
		r.Version = string(found[1])
	}
	if !semantic.MatchString(r.Version) {
		return fmt.Errorf("%q is no semantic version, such as 0.2.0 or 0.2.0-rc.1", r.Version)
	}
	if len(r.Targets) == 0 || slices.ContainsFunc(r.Targets, func(t string) bool { return !target.MatchString(t) }) {
		return fmt.Errorf("targets are such as linux/amd64, and not %q", r.Targets)
	}
	var beside []file
	for _, f := range r.Files {
		data, err := os.ReadFile(filepath.Join(r.Root, f))
		if err != nil {
			return err
		}
		beside = append(beside, file{name: f, data: data})
	}
	if err := os.MkdirAll(r.Out, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	var sums bytes.Buffer
	for _, t := range r.Targets {
		made, err := r.one(ctx, work, t, beside)
		if err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		for _, file := range made {
			fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(file.data), file.name)
			if err := os.WriteFile(filepath.Join(r.Out, file.name), file.data, 0o644); err != nil {
				return err
			}
		}
		fmt.Println(made[0].name)
	}
	return os.WriteFile(filepath.Join(r.Out, "SHA256SUMS"), sums.Bytes(), 0o644)
}

// one returns the archive for a target, with the files that go into each, and the list of materials.
func (r Release) one(ctx context.Context, work, target string, beside []file) ([]file, error) {
	name := r.Name + "-" + r.Version + "-" + strings.ReplaceAll(target, "/", "-")
	path := filepath.Join(work, name)
	if err := r.build(ctx, path, target); err != nil {
		return nil, err
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	parts, err := materialsOf(ctx, r.Root, program)
	if err != nil {
		return nil, err
	}
	bom, err := parts.bom(r.Name, r.Version, program)
	if err != nil {
		return nil, err
	}
	content := []file{{name: r.Name, data: program, executable: true}, {name: r.Name + ".cdx.json", data: bom}, {name: "THIRD-PARTY-LICENSES", data: parts.texts()}}
	packed, err := pack(name, append(content, beside...), parts.time)
	return []file{{name: name + ".tar.gz", data: packed}, {name: name + ".cdx.json", data: bom}}, err
}

// build has nothing in it of where it is done: no paths, no C library. Of when, only the commit and its time.
func (r Release) build(ctx context.Context, path, target string) error {
	system, processor, _ := strings.Cut(target, "/")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=auto", "-ldflags", "-s -w -buildid= -X main.version="+r.Version, "-o", path, r.Package)
	cmd.Dir = r.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+processor, "GOFLAGS=", "GOWORK=off", "GOAMD64=v1", "GOARM64=v8.0")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, said)
	}
	return nil
}
