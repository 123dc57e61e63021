package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/authz"
	"github.com/mabus-project/mabus/shared/credential"
	"github.com/mabus-project/mabus/shared/natsd"
)

// Hosts must not be able to take the names that stand for the system when nobody says otherwise.
func TestTheSystemsNamesAreReserved(t *testing.T) {
	for _, name := range []string{defaultService, defaultOperator, economics.DefaultOperator} {
		if !slices.Contains(authz.Reserved, name) {
			t.Errorf("hosts may act as %s", name)
		}
	}
}

// Whoever has lost the auth directory of a strict server is told, and is not given a new one, with which nothing of the data could be seen.
func TestStrictDataIsNotBegunAnew(t *testing.T) {
	o := &options{data: t.TempDir(), namespace: api.DefaultNamespace}
	if err := os.Mkdir(filepath.Join(o.data, "accounts"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.data, "accounts", "A.jwt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, strict := range []bool{false, true} {
		_, err := o.secure(t.Context(), &natsd.Config{DataDir: o.data}, strict, identity{principal: defaultService}, api.KindService, defaultOperator)
		if api.CodeOf(err) != api.FailedPrecondition || credential.Exists(o.authDir()) {
			t.Errorf("strict %v: %v", strict, err)
		}
	}
}

// What the server had no time to tell is counted, whosever it was.
func TestLostViolationsAreCounted(t *testing.T) {
	var log strings.Builder
	v := newViolationTeller(api.DefaultNamespace, zerolog.New(&log))
	v.add(natsd.Violation{Namespace: "other", Principal: "bob", Subject: "x", Lost: 5})
	v.add(natsd.Violation{Namespace: api.DefaultNamespace, Principal: "ann", Subject: "y"})
	v.close() // there is no connection to store events with, so the log has them
	if !strings.Contains(log.String(), `"count":6`) || strings.Contains(log.String(), "bob") {
		t.Errorf("the log has %q", log.String())
	}
}
