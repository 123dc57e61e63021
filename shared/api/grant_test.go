package api_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/shared/api"
)

const grantsFile = "testdata/grants.txt"

// TestGrantsAreTheGoldenOnes shows a change of who may do what as what it is. A new method is granted by a decision, not by default.
func TestGrantsAreTheGoldenOnes(t *testing.T) {
	var b bytes.Buffer
	for _, d := range api.Methods {
		fmt.Fprintf(&b, "%-8s %s\n", d.Least(), d.Name())
	}
	if *update {
		if err := os.WriteFile(grantsFile, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(grantsFile)
	if err != nil {
		t.Fatalf("%v (go test ./shared/api -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("who may call which method has changed (go test ./shared/api -update takes the new form):\n%s", diff)
	}
}

// Each kind may do what the kinds below it may, nobody of no kind may do anything, and an observer changes nothing.
func TestGrantsAreNested(t *testing.T) {
	for _, d := range api.Methods {
		for i, k := range api.Kinds[1:] {
			if d.GrantedTo(k) && !d.GrantedTo(api.Kinds[i]) {
				t.Errorf("%s is granted to %s and not to %s", d.Name(), k, api.Kinds[i])
			}
		}
		if d.GrantedTo("") || d.GrantedTo("root") {
			t.Errorf("%s is granted to no kind of principal", d.Name())
		}
		if !d.GrantedTo(api.KindOperator) || !d.GrantedTo(api.KindService) {
			t.Errorf("%s is granted to nobody", d.Name())
		}
		if d.Write && d.GrantedTo(api.KindObserver) {
			t.Errorf("%s changes something, and is granted to observers", d.Name())
		}
	}
}

// A grant of a method that is not there, or twice, is a mistake.
func TestGrantsNameMethods(t *testing.T) {
	names := map[string]bool{}
	for _, d := range api.Methods {
		names[d.Name()] = true
	}
	seen := map[string]bool{}
	for _, name := range api.GrantNames() {
		if !names[name] {
			t.Errorf("there is no method %s to grant", name)
		}
		if seen[name] {
			t.Errorf("%s is granted twice", name)
		}
		seen[name] = true
	}
	if len(seen) == 0 {
		t.Error("no grants were found")
	}
}
