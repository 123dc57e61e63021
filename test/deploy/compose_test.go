package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

type compose struct {
	Services map[string]struct {
		Command     any
		Environment map[string]string
		Volumes     []string
		Entrypoint  []string
	}
}

func composed(t *testing.T, file string) compose {
	t.Helper()
	text := strings.NewReplacer("!reset ", "", "!override", "").Replace(string(readFile(t, "../../"+file)))
	var c compose
	if err := yaml.NewDecoder(strings.NewReader(text), yaml.AllowDuplicateMapKey()).Decode(&c); err != nil { // a key may be merged and given
		t.Fatalf("%s: %v", file, err)
	}
	return c
}

// TestOverlaysLeaveNobodyOut sees that whoever is in the first file has the copies, the credentials and the certificates of the others.
func TestOverlaysLeaveNobodyOut(t *testing.T) {
	base, cluster := composed(t, "docker-compose.yml"), composed(t, "deploy/docker-compose.cluster.yml")
	strict := map[string]compose{}
	for _, f := range []string{"deploy/docker-compose.strict.yml", "deploy/docker-compose.cluster-strict.yml"} {
		strict[f] = composed(t, f)
	}
	if len(base.Services) < 7 {
		t.Fatalf("the first file has %d services", len(base.Services))
	}
	for name := range base.Services {
		if name == "nats" {
			continue
		}
		if arguments, _ := cluster.Services[name].Command.([]any); !slices.Equal(arguments, []any{"serve", name, "--replicas", "3"}) {
			t.Errorf("in the cluster %s runs %v", name, arguments)
		}
		creds := "services.creds"
		if name == "agenthost" {
			creds = "host.creds"
		}
		for file, c := range strict {
			s := c.Services[name]
			if s.Environment["MABUS_STRICT"] != "true" || s.Environment["NATS_CREDS"] == "" || s.Environment["NATS_CA"] == "" ||
				!slices.ContainsFunc(s.Volumes, func(v string) bool { return strings.Contains(v, creds+":"+s.Environment["NATS_CREDS"]+":ro") }) ||
				!slices.ContainsFunc(s.Volumes, func(v string) bool { return strings.Contains(v, "ca.pem:"+s.Environment["NATS_CA"]+":ro") }) {
				t.Errorf("%s leaves %s without credentials: %+v", file, name, s)
			}
		}
	}
	for file, nodes := range map[string][]string{"deploy/docker-compose.strict.yml": {"nats"}, "deploy/docker-compose.cluster-strict.yml": {"nats-1", "nats-2", "nats-3"}} {
		for _, n := range nodes {
			if s := strict[file].Services[n]; len(s.Entrypoint) != 3 || !strings.Contains(s.Entrypoint[2], "cp -n ") {
				t.Errorf("%s: %s would begin without accounts, or forget what was revoked: %q", file, n, s.Entrypoint)
			}
		}
	}
}
