package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// command is a line of a document that calls mabus, at its beginning or between backticks.
var command = regexp.MustCompile("(?m)^(?:\\./bin/)?mabus (.*)$|`mabus ([a-z-][^`\n]*)`")

// TestDocumentsCallWhatIsThere looks up every command that a document shows, with its flags.
func TestDocumentsCallWhatIsThere(t *testing.T) {
	docs, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range append(docs, "../../README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		whole := strings.ReplaceAll(string(text), "\\\n", " ")
		for _, m := range command.FindAllStringSubmatch(whole, -1) {
			line := m[1] + m[2]
			found++
			if problem := lookUp(words(line)); problem != "" {
				t.Errorf("%s: mabus %s: %s", filepath.Base(path), line, problem)
			}
		}
	}
	if found < 300 {
		t.Errorf("only %d commands were found", found)
	}
}

// lookUp says what is wrong with a command: that there is none of that name, or a flag that it has not.
func lookUp(args []string) string {
	root := newRoot()
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err.Error()
	}
	if cmd.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		return "it has no command " + rest[0]
	}
	cmd.InheritedFlags() // has those of the commands above it known
	for _, a := range rest {
		name, isLong := strings.CutPrefix(a, "--")
		if name, _, _ = strings.Cut(name, "="); !isLong || name == "" || name == "help" || name == "version" && cmd == root {
			if a == "--" {
				break // what follows is another program's
			}
			continue
		}
		if cmd.Flags().Lookup(name) == nil {
			return "it has no flag --" + name
		}
	}
	return ""
}

// words are those of a line up to what a shell would take for itself. Quoted texts are one word each.
func words(line string) []string {
	var all []string
	for _, w := range regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`).FindAllString(line, -1) {
		if strings.HasPrefix(w, "#") || w == "|" || w == "&&" || w == "&" || w == "..." || w == "…" {
			break
		}
		all = append(all, strings.TrimRight(w, ";,."))
	}
	return all
}

func TestWhatIsNotThereIsSeen(t *testing.T) {
	for line, ok := range map[string]bool{
		"agents list --json": true, "--as ann agents list": true, "agents start a1 -- prog --flag": true, "locks run x --wait 1m -- sh -c 'mabus --nothing'": true,
		"agents lisst": false, "agents list --jason": false, "nothing": false, "admin nothing": false,
	} {
		if problem := lookUp(words(line)); (problem == "") != ok {
			t.Errorf("mabus %s: %q", line, problem)
		}
	}
}
