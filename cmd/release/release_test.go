package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var here = runtime.GOOS + "/" + runtime.GOARCH

// module makes a small module in a directory of its own.
func module(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.org/small\n\ngo 1.26\n", "LICENSE": "all of it\n",
		"main.go": "package main\n\nvar version = \"1.2.3\"\n\nfunc main() { println(version); if len(version) > 9 { panic(version) } }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTheSameSourceElsewhereGivesTheSameBytes(t *testing.T) {
	var made [2]map[string][]byte
	for i := range made {
		r := Release{Root: module(t), Package: ".", Name: "small", Targets: []string{here}, Files: []string{"LICENSE"}, Out: t.TempDir()}
		if err := r.Make(t.Context()); err != nil {
			t.Fatal(err)
		}
		made[i] = read(t, r.Out)
	}
	name := "small-1.2.3-" + runtime.GOOS + "-" + runtime.GOARCH
	if len(made[0]) != 3 || made[0][name+".tar.gz"] == nil || made[0][name+".cdx.json"] == nil {
		t.Fatalf("made %d files, none of which is called %s.tar.gz", len(made[0]), name)
	}
	for file, data := range made[0] {
		if !bytes.Equal(data, made[1][file]) {
			t.Errorf("%s differs from one place to another", file)
		}
		sum := fmt.Sprintf("%x  %s\n", sha256.Sum256(data), file)
		if file != "SHA256SUMS" && !strings.Contains(string(made[0]["SHA256SUMS"]), sum) {
			t.Errorf("SHA256SUMS lacks %s", sum)
		}
	}
	packed := unpack(t, made[0][name+".tar.gz"])
	program := filepath.Join(t.TempDir(), "small")
	if err := os.WriteFile(program, packed[name+"/small"], 0o700); err != nil { //nolint:gosec // a program is to run
		t.Fatal(err)
	}
	said, err := exec.CommandContext(t.Context(), program).CombinedOutput()
	if err != nil || string(said) != "1.2.3\n" {
		t.Errorf("the program says %q, %v", said, err)
	}
	if string(packed[name+"/LICENSE"]) != "all of it\n" || !strings.Contains(string(packed[name+"/THIRD-PARTY-LICENSES"]), "stdlib") {
		t.Errorf("the archive has %d files and not the licences", len(packed))
	}
}

// TestEveryModuleIsListed builds this program, which is linked of modules of others, and looks for each in the list.
func TestEveryModuleIsListed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "release")
	// Not as a release is built, for which the standard library would be compiled anew.
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := materialsOf(t.Context(), "../..", program)
	if err != nil {
		t.Fatal(err)
	}
	text, err := parts.bom("release", "0.0.1-test", program)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, text)
	var listed cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&listed); err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil || len(info.Deps) == 0 {
		t.Fatalf("the program names no modules: %v", err)
	}
	for _, d := range info.Deps {
		if !slices.ContainsFunc(*listed.Components, func(c cdx.Component) bool { return c.Name == d.Path && c.Version == d.Version && c.Licenses != nil }) {
			t.Errorf("%s %s is in the program, and not listed with a licence", d.Path, d.Version)
		}
	}
	if n := len(*listed.Components); n != len(info.Deps)+1 {
		t.Errorf("%d are listed; the program has %d and the standard library", n, len(info.Deps))
	}
}

// valid checks a list with the schema that CycloneDX publishes, which the library brings along.
func valid(t *testing.T, text []byte) {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	schemas := filepath.Join(strings.TrimSpace(string(dir)), "schema")
	c := jsonschema.NewCompiler()
	for _, name := range []string{"bom-1.6.schema.json", "spdx.schema.json", "jsf-0.82.schema.json"} {
		f, err := os.Open(filepath.Join(schemas, strings.Replace(name, "jsf-0.82.schema.json", "jsf-0.82.schemax.json", 1)))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(f)
		_ = f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource("http://cyclonedx.org/schema/"+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Errorf("the list is not as CycloneDX has it: %v", err)
	}
}

func TestWhatIsRefused(t *testing.T) {
	for name, r := range map[string]Release{
		"a version with a v":      {Version: "v1.2.3", Targets: []string{here}},
		"a version with flags":    {Version: "1.2.3 -X main.a=b", Targets: []string{here}},
		"no targets":              {Version: "1.2.3"},
		"a target with a path":    {Version: "1.2.3", Targets: []string{"../linux/amd64"}},
		"a target there is not":   {Version: "1.2.3", Targets: []string{"beos/m68k"}},
		"a file that there isn't": {Version: "1.2.3", Targets: []string{here}, Files: []string{"CHANGES"}},
	} {
		r.Root, r.Package, r.Name, r.Out = module(t), ".", "small", t.TempDir()
		if err := r.Make(t.Context()); err == nil {
			t.Errorf("%s is taken", name)
		}
		if _, err := os.Stat(filepath.Join(r.Out, "SHA256SUMS")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: checksums were written", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := Release{Root: module(t), Package: ".", Name: "small", Targets: []string{here}, Out: t.TempDir()}
	if err := r.Make(ctx); err == nil {
		t.Error("it goes on when it is interrupted")
	}
}

func TestRecognise(t *testing.T) {
	const two = "Redistributions of source code must retain the above copyright\n notice. Redistributions in binary form must reproduce it. "
	for text, want := range map[string]string{
		"Apache License\n Version 2.0, January 2004\n TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION": "Apache-2.0",
		two: "BSD-2-Clause",
		two + "Names must not: may be used to endorse or promote products derived from": "BSD-3-Clause",
		two + "All advertising materials mentioning features":                           "",
		"Permission is hereby granted, free of charge, to any person obtaining a copy":  "", // without the condition
		"licensed under the Apache License, Version 2.0":                                "", // speaks of it alone
		"": "",
	} {
		if got := strings.Join(recognise([]byte(text)), " "); got != want {
			t.Errorf("%.40q is %q, want %q", text, got, want)
		}
	}
}

func TestPackHasOneTimeAndNobody(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	packed, err := pack("d", []file{{name: "p", data: []byte("x"), executable: true}}, at)
	if err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	h, err := tar.NewReader(zip).Next()
	if err != nil || !h.ModTime.Equal(at) || h.Uname != "" || h.Uid != 0 || h.Mode != 0o755 || h.Name != "d/p" {
		t.Errorf("got %+v, %v", h, err)
	}
}

func read(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func unpack(t *testing.T, packed []byte) map[string][]byte {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(zip); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}
