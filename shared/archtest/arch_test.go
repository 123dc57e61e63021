package archtest_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mabus-project/mabus/shared/archtest"
)

func TestRepository(t *testing.T) {
	found, err := archtest.Check(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// TestRulesCatch plants one breach after another in a tree that has none.
func TestRulesCatch(t *testing.T) {
	const m = "github.com/mabus-project/mabus/"
	cases := []struct {
		name, rule, path, source string
	}{
		{"api beyond the standard library", "api", "shared/api/x.go", `import "github.com/nats-io/nats.go"`},
		{"api from shared", "api", "shared/api/x.go", `import "` + m + `shared/kv"`},
		{"shared from a service", "shared", "shared/kv/x.go", `import "` + m + `services/registry"`},
		{"shared from client", "shared", "shared/kv/x.go", `import "` + m + `client"`},
		{"shared from cmd", "shared", "shared/kv/deep/x.go", `import "` + m + `cmd/mabus/flags"`},
		{"client from a service", "client", "client/x.go", `import "` + m + `services/registry/roster"`},
		{"client with a server", "client", "client/agent/x.go", `import "` + m + `shared/natsd"`},
		{"client with nats-server", "nats-server", "client/x.go", `import "github.com/nats-io/nats-server/v2/server"`},
		{"cmd with nats-server", "nats-server", "cmd/mabus/x.go", `import _ "github.com/nats-io/nats-server/v2/server"`},
		{"a service that embeds NATS", "embedded server", "services/registry/x.go", `import "` + m + `shared/natsd"`},
		{"a service from cmd", "service", "services/registry/x.go", `import "` + m + `cmd/mabus"`},
		{"a service from another", "services", "services/registry/x.go", `import "` + m + `services/perfmon/metrics"`},
		{"rules of another service", "services", "services/registry/roster/x.go", `import "` + m + `services/agenthost/supervise"`},
		{"test code in the program", "test code", "services/registry/x.go", `import "` + m + `shared/natstest"`},
		{"testing in the program", "test code", "shared/kv/x.go", `import "testing"`},
		{"rules with I/O", "pure imports", "services/registry/roster/x.go", `import "os"`},
		{"rules with NATS", "pure imports", "services/economics/auction/x.go", `import "github.com/nats-io/nats.go"`},
		{"rules with the edge", "pure imports", "services/registry/roster/x.go", `import "` + m + `services/registry"`},
		{"rules with hidden names", "pure imports", "services/registry/roster/x.go", `import . "strings"`},
		{"rules by their comment", "pure imports", "services/perfmon/metrics/x.go", `import "net"`},
		{"rules with a parser", "pure imports", "services/registry/roster/x.go", `import "github.com/goccy/go-yaml"`},
		{"rules that look at files", "pure uses", "client/job/x.go", `import "path/filepath"; var f = filepath.Glob`},
		{"rules with a clock", "pure uses", "services/coordination/pbft/x.go", `import "time"; var t = time.Now()`},
		{"rules that wait", "pure uses", "client/job/x.go", `import tick "time"; func f() { <-tick.After(1) }`},
		{"rules with dice", "pure uses", "services/a/balance/x.go", `import "math/rand/v2"; var n = rand.IntN(6)`},
		{"rules that print", "pure uses", "services/a/supervise/x.go", `import "fmt"; func f() { fmt.Println() }`},
		{"api with a clock", "pure uses", "shared/api/x.go", `import "time"; var t = time.Now()`},
		{"a long file", "size", "shared/kv/x.go", strings.Repeat("\n", 400)},
		{"a long test", "size", "shared/kv/x_test.go", strings.Repeat("\n", 400)},
		{"a name that says nothing", "name", "shared/util/x.go", ""},
		{"a folder that says nothing", "name", "services/registry/helpers/x.go", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tree := sound()
			tree[c.path] = &fstest.MapFile{Data: []byte("package x\n" + c.source)}
			found, err := archtest.Check(tree)
			if err != nil {
				t.Fatal(err)
			}
			caught := false
			for _, v := range found {
				if !strings.HasPrefix(v.At, c.path) {
					t.Errorf("a file without fault is blamed: %v", v)
				}
				caught = caught || v.Rule == c.rule
			}
			if !caught {
				t.Errorf("rule %q has not caught it; found: %v", c.rule, found)
			}
		})
	}
}

func TestNothingIsFoundInASoundTree(t *testing.T) {
	found, err := archtest.Check(sound())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

func TestSourceThatDoesNotParse(t *testing.T) {
	tree := fstest.MapFS{"a/x.go": {Data: []byte("package")}}
	if _, err := archtest.Check(tree); err == nil || !strings.Contains(err.Error(), "a/x.go") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}

// sound is a tree that uses what is allowed, to its limits.
func sound() fstest.MapFS {
	const m = "github.com/mabus-project/mabus/"
	sources := map[string]string{
		"shared/api/a.go":        `import ("encoding/json"; "time"); var R json.RawMessage; var D time.Duration`,
		"shared/natsd/a.go":      `import _ "github.com/nats-io/nats-server/v2/server"`,
		"shared/natstest/a.go":   `import (_ "testing"; _ "` + m + `shared/natsd")`,
		"client/a.go":            `import _ "` + m + `shared/api"`,
		"client/a_test.go":       `import (_ "` + m + `services/registry"; _ "` + m + `shared/natstest"); // time.Sleep`,
		"cmd/mabus/a.go":         `import (_ "` + m + `services/registry"; _ "` + m + `shared/natsd")`,
		"services/registry/a.go": `import (_ "` + m + `services/registry/roster"; "time"); var t = time.Now()`,
		"services/registry/roster/a.go": `import ("` + m + `shared/api"; "math/rand/v2"; "time");
			func f(now time.Time, r *rand.Rand) { _ = now.Add(time.Second); _ = r.IntN(6); _ = rand.New(rand.NewPCG(1, 2)); _ = api.D }`,
		"services/registry/roster/a_test.go": `import ("os"; "time"); var _ = os.Args; var _ = time.Now()`,
		"services/economics/market/a.go":     `import _ "` + m + `services/economics/ledger"`,
		"services/economics/ledger/a.go":     `import _ "gonum.org/v1/gonum/mat"`,
		"services/perfmon/metrics/doc.go":    ``,
		"shared/kv/gen.go":                   strings.Repeat("\n", 500),
		"shared/kv/full.go":                  `import _ "context"` + strings.Repeat("\n", 398),
		"sdk/util/go.mod":                    `module other`,
		"sdk/util/a.go":                      ``,
		"shared/kv/testdata/util/a.go":       `this is not Go`,
		".cache/util/a.go":                   `nor is this`,
	}
	tree := fstest.MapFS{}
	for path, source := range sources {
		head := "package a\n"
		switch path {
		case "services/perfmon/metrics/doc.go":
			head = "// Package a holds the pure\n// rules of metrics.\n" + head
		case "shared/kv/full.go":
			head = "// Package a serves pure rules. It holds none of the pure rules.\n" + head
		case "shared/kv/gen.go":
			head = "// Code generated by a tool. DO NOT EDIT.\n\n" + head
		}
		tree[path] = &fstest.MapFile{Data: []byte(head + source)}
	}
	return tree
}
