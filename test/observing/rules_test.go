// Package observing_test holds deploy/prometheus and deploy/grafana to what the processes export, and to the language of Prometheus.
package observing_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/mabus-project/mabus/shared/codec"
)

const (
	prometheusDir = "../../deploy/prometheus"
	dashboardsDir = "../../deploy/grafana/dashboards"
)

// promtool runs the tool of Prometheus that checks configurations and rules.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed, so the rules for Prometheus are not checked: it comes with Prometheus (Debian: apt-get install prometheus)")
	}
	out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestTheRulesAndTheConfiguration(t *testing.T) {
	promtool(t, "check", "config", prometheusDir+"/prometheus.yml")
	promtool(t, "check", "rules", prometheusDir+"/rules.yml")
	promtool(t, "test", "rules", prometheusDir+"/rules_test.yml")
}

// rules is a file of rules.
type rules struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []struct {
			Record      string            `yaml:"record"`
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

func readRules(t *testing.T) (r rules, text string) {
	t.Helper()
	raw, err := os.ReadFile(prometheusDir + "/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	return r, string(raw)
}

func TestEveryAlertSaysWhatItIsAndIsTried(t *testing.T) {
	tried, err := os.ReadFile(prometheusDir + "/rules_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	r, _ := readRules(t)
	alerts := 0
	for _, g := range r.Groups {
		for _, rule := range g.Rules {
			if rule.Alert == "" {
				continue
			}
			alerts++
			if s := rule.Labels["severity"]; s != "critical" && s != "warning" && s != "info" {
				t.Errorf("%s has the severity %q", rule.Alert, s)
			}
			if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("%s does not say what it is", rule.Alert)
			}
			if !bytes.Contains(tried, []byte(`alertname="`+rule.Alert+`", alertstate="firing"`)) {
				t.Errorf("%s is never raised in rules_test.yml", rule.Alert)
			}
		}
	}
	if alerts < 15 {
		t.Errorf("%d alerts", alerts)
	}
}

// dashboard is what of a dashboard matters here.
type dashboard struct {
	UID        string `json:"uid"`
	Title      string `json:"title"`
	Templating struct {
		List []struct {
			Name  string `json:"name"`
			Type  string `json:"type"`
			Query any    `json:"query"`
		} `json:"list"`
	} `json:"templating"`
	Panels []struct {
		ID      int            `json:"id"`
		Title   string         `json:"title"`
		GridPos map[string]int `json:"gridPos"`
		Targets []struct {
			Expr string `json:"expr"`
		} `json:"targets"`
	} `json:"panels"`
}

func dashboards(t *testing.T) map[string]*dashboard {
	t.Helper()
	files, err := filepath.Glob(dashboardsDir + "/*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d dashboards, %v", len(files), err)
	}
	all := map[string]*dashboard{}
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d := new(dashboard)
		if err := codec.Read(raw, d); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all[filepath.Base(path)] = d
	}
	return all
}

// plain is an expression without Grafana's variables.
func plain(expr string) string {
	return strings.NewReplacer("$__rate_interval", "5m", "$__interval", "1m", "$service", ".*", "$host", ".*", "$realm", ".*").Replace(expr)
}

// The expressions of panels are checked as the recording rules that they could be.
func TestThePanels(t *testing.T) {
	var b strings.Builder
	b.WriteString("groups:\n  - name: panels\n    rules:\n")
	n, uids := 0, map[string]string{}
	for file, d := range dashboards(t) {
		if other := uids[d.UID]; other != "" || d.UID == "" || d.Title == "" {
			t.Errorf("%s has the uid %q, as has %q, and the title %q", file, d.UID, other, d.Title)
		}
		uids[d.UID] = file
		ids := map[int]bool{}
		for _, p := range d.Panels {
			if ids[p.ID] || p.Title == "" || len(p.Targets) == 0 || p.GridPos["x"]+p.GridPos["w"] > 24 {
				t.Errorf("%s: panel %d, %q, %v", file, p.ID, p.Title, p.GridPos)
			}
			ids[p.ID] = true
			for _, target := range p.Targets {
				n++
				b.WriteString("      - { record: panel_" + strconv.Itoa(n) + ", expr: " + strconv.Quote(plain(target.Expr)) + " }\n")
			}
		}
	}
	path := t.TempDir() + "/panels.yml"
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", "--lint=none", path)
}
