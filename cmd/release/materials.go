package main

import (
	"bytes"
	"cmp"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// material is a module that a program is linked of.
type material struct {
	path, version, sum string
	licences           []licence
}

// materials are what the program itself says it is made of, and what the sources of that say of licences.
type materials struct {
	main, goVersion string
	revision        string // commit, if it is known
	modified        bool   // the sources were not those of the commit
	time            time.Time
	modules         []material // sorted; the last is the standard library
}

func materialsOf(ctx context.Context, root string, program []byte) (*materials, error) {
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return nil, fmt.Errorf("the program does not tell what it is made of: %w", err)
	}
	m := &materials{main: info.Main.Path, goVersion: strings.TrimPrefix(info.GoVersion, "go"), time: time.Unix(0, 0).UTC()}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			m.revision = s.Value
		case "vcs.modified":
			m.modified = s.Value == "true"
		case "vcs.time":
			if at, err := time.Parse(time.RFC3339, s.Value); err == nil {
				m.time = at.UTC()
			}
		}
	}
	for _, d := range info.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		m.modules = append(m.modules, material{path: d.Path, version: d.Version, sum: d.Sum})
	}
	slices.SortFunc(m.modules, func(a, b material) int { return cmp.Compare(a.path, b.path) })
	sources, err := sourcesOf(ctx, root, m.modules)
	if err != nil {
		return nil, err
	}
	for i, d := range m.modules {
		if m.modules[i].licences, err = licencesIn(sources[d.path+"@"+d.version]); err != nil {
			return nil, err
		}
	}
	std := material{path: "stdlib", version: m.goVersion}
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	if std.licences, err = licencesIn(strings.TrimSpace(string(goroot))); err != nil {
		return nil, err
	}
	m.modules = append(m.modules, std)
	return m, nil
}

// sourcesOf returns where the sources of modules are, by path@version.
func sourcesOf(ctx context.Context, root string, modules []material) (map[string]string, error) {
	if len(modules) == 0 {
		return nil, nil
	}
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Path}}@{{.Version}}\t{{.Dir}}")
	for _, d := range modules {
		cmd.Args = append(cmd.Args, d.path+"@"+d.version)
	}
	cmd.Dir, cmd.Stderr = root, os.Stderr
	said, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m: %w", err)
	}
	sources := map[string]string{}
	for line := range strings.Lines(string(said)) {
		module, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if dir == "" {
			return nil, fmt.Errorf("the sources of %s are not here: go mod download", module)
		}
		sources[module] = filepath.Clean(dir)
	}
	return sources, nil
}
