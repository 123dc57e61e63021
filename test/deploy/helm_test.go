// Package deploy_test checks what is in deploy/ and what is written of it, as far as that can be done without starting it.
package deploy_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
)

// helm returns where it is. Building it takes two minutes of four processors, so tests do not.
func helm(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("helm"); err == nil {
		return path
	}
	if found, _ := filepath.Glob("../../bin/tools/helm-v*"); len(found) > 0 {
		return found[len(found)-1]
	}
	t.Skip("helm is not here: make helm-check builds it")
	return ""
}

// render returns what the chart makes, by kind.
func render(t *testing.T, args ...string) map[string][][]byte {
	t.Helper()
	args = append([]string{"template", "r", chart, "--kube-version", "1.30.0"}, args...)
	text, err := exec.CommandContext(t.Context(), helm(t), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	made := map[string][][]byte{}
	for doc := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var head struct {
			Kind string `yaml:"kind"`
		}
		if err := yaml.Unmarshal(doc, &head); err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		made[head.Kind] = append(made[head.Kind], doc)
	}
	return made
}

func TestHelmLint(t *testing.T) {
	if said, err := exec.CommandContext(t.Context(), helm(t), "lint", "--strict", "--kube-version", "1.30.0", chart).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
	for _, bad := range []string{"nats.replicas=2", "nats.url=localhost", "services.other.replicas=1", "agenthost.replicas=-1"} {
		if exec.CommandContext(t.Context(), helm(t), "template", "r", chart, "--kube-version", "1.30.0", "--set", bad).Run() == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
