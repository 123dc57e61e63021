package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// named is a test that a document names, as `services/registry.TestReplicasDieAtWork`.
var named = regexp.MustCompile("`([a-z][a-z0-9_/]*)\\.(Test\\w+)`")

func TestNamedTestsExist(t *testing.T) {
	text := string(readFile(t, "../../docs/failure-modes.md"))
	found := named.FindAllStringSubmatch(text, -1)
	if len(found) < 30 {
		t.Fatalf("%d tests are named", len(found))
	}
	for _, n := range found {
		files, err := filepath.Glob(filepath.Join("../..", n[1], "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s has no tests", n[1])
			continue
		}
		if !slices.ContainsFunc(files, func(f string) bool { return strings.Contains(string(readFile(t, f)), "\nfunc "+n[2]+"(t *testing.T)") }) {
			t.Errorf("%s has no %s", n[1], n[2])
		}
	}
	table, _, _ := strings.Cut(text, "## By what happens")
	for _, part := range []string{"registry", "coordination", "economics", "perfmon", "loadbalancer", "agent host", "NATS node", "console", "collector"} {
		if !regexp.MustCompile(`(?m)^\| [^|]*` + part + `[^|]*\|[^|]+\|[^|]*\.Test`).MatchString(table) {
			t.Errorf("no row of the table of parts says what happens to %s, and which test shows it", part)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)

// TestLinksLeadSomewhere looks for the files that the documents of operation link to.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, doc := range []string{"docs/operations.md", "docs/failure-modes.md", "README.md"} {
		for _, l := range link.FindAllStringSubmatch(string(readFile(t, "../../"+doc)), -1) {
			if strings.Contains(l[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join("../..", filepath.Dir(doc), l[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", doc, l[1])
			}
		}
	}
}

// TestFilesThatAreNamedExist looks for what the guide to operation says is in the repository.
func TestFilesThatAreNamedExist(t *testing.T) {
	text := string(readFile(t, "../../docs/operations.md"))
	for _, f := range regexp.MustCompile(`\bdeploy/[\w./@-]*\w`).FindAllString(text, -1) {
		if f = strings.TrimSuffix(f, "."); f == "deploy/auth" || strings.HasPrefix(f, "deploy/auth/") || strings.HasPrefix(f, "deploy/strict/") || f == "deploy/strict" {
			continue // made by deploy/strict.sh
		}
		if _, err := os.Stat("../../" + f); err != nil {
			t.Errorf("%s is not there", f)
		}
	}
	targets := string(readFile(t, "../../Makefile"))
	for _, m := range regexp.MustCompile("`make ([a-z-]+)").FindAllStringSubmatch(text, -1) {
		if !strings.Contains(targets, "\n"+m[1]+":") {
			t.Errorf("there is no make %s", m[1])
		}
	}
}
