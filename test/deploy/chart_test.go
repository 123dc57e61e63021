package deploy_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const chart = "../../deploy/helm/mabus/"

// values reads the chart's values as JSON has them.
func values(t *testing.T, text []byte) any {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestValuesFitTheirSchema needs no helm, so it is the part that runs everywhere.
func TestValuesFitTheirSchema(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(readFile(t, chart+"values.schema.json")))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("values.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	text := string(readFile(t, chart+"values.yaml"))
	if err := schema.Validate(values(t, []byte(text))); err != nil {
		t.Errorf("the chart's own values: %v", err)
	}
	for _, change := range [][2]string{
		{"replicas: 3\n  # Every", "replicas: 2\n  # Every"},
		{"url: nats://nats:4222", "url: nats"},
		{"namespace: mabus", "namespace: a.b"},
		{"strict: true", "strict: yes please"},
		{"  loadbalancer:", "  balancer:"},
		{"logLevel: info", "logLevel: loud"},
		{"tmpSize: 1Gi", "tmpSize: big"},
		{"podAnnotations: {}", "annotations: {}"},
	} {
		changed := strings.Replace(text, change[0], change[1], 1)
		if changed == text {
			t.Fatalf("the values have no %q", change[0])
		}
		if schema.Validate(values(t, []byte(changed))) == nil {
			t.Errorf("%q is taken", change[1])
		}
	}
}

// TestChartKnowsTheServices holds the chart against the program: its services, its version, and names of its values.
func TestChartKnowsTheServices(t *testing.T) {
	var v struct {
		Services map[string]any `yaml:"services"`
	}
	if err := yaml.Unmarshal(readFile(t, chart+"values.yaml"), &v); err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile(`\{Name: "(\w+)", Doc:`).FindAllStringSubmatch(string(readFile(t, "../../cmd/mabus/up.go")), -1)
	if len(table) == 0 || len(table) != len(v.Services) {
		t.Errorf("the program has %d services beside agenthost, the chart %d", len(table), len(v.Services))
	}
	for _, s := range table {
		if v.Services[s[1]] == nil {
			t.Errorf("the chart lacks the service %s", s[1])
		}
	}
	var c struct {
		Version    string `yaml:"version"`
		AppVersion string `yaml:"appVersion"`
	}
	if err := yaml.Unmarshal(readFile(t, chart+"Chart.yaml"), &c); err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^var version = "(.*)"$`).FindSubmatch(readFile(t, "../../cmd/mabus/main.go"))
	if version == nil || c.AppVersion != string(version[1]) || c.Version != c.AppVersion {
		t.Errorf("the chart is %s of %s, the program is %s", c.Version, c.AppVersion, version)
	}
	templates := string(readFile(t, chart+"templates/deployments.yaml")) + string(readFile(t, chart+"templates/NOTES.txt"))
	for _, used := range regexp.MustCompile(`\.Values((?:\.\w+)+)`).FindAllStringSubmatch(templates, -1) {
		at := values(t, readFile(t, chart+"values.yaml"))
		for key := range strings.SplitSeq(strings.TrimPrefix(used[1], "."), ".") {
			object, _ := at.(map[string]any)
			value, ok := object[key]
			if at = value; !ok {
				t.Errorf("templates use .Values%s, which values.yaml does not have", used[1])
				break
			}
		}
	}
}

// deployment is what a Deployment has that must hold for each.
type deployment struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Replicas *int
		Template struct {
			Spec struct {
				AutomountServiceAccountToken  *bool
				TerminationGracePeriodSeconds int
				SecurityContext               struct {
					RunAsNonRoot   bool
					SeccompProfile struct{ Type string }
				}
				Containers []struct {
					Args                          []string
					Env                           []struct{ Name, Value string }
					ReadinessProbe, LivenessProbe struct{ HTTPGet struct{ Path string } }
					Resources                     struct{ Limits, Requests map[string]string }
					SecurityContext               struct {
						AllowPrivilegeEscalation *bool
						ReadOnlyRootFilesystem   bool
						Capabilities             struct{ Drop []string }
					}
					VolumeMounts []struct{ Name, MountPath string }
				}
				Volumes []struct {
					Name   string
					Secret *struct{ SecretName string }
				}
			}
		}
	}
}

func TestEveryDeploymentIsHardened(t *testing.T) {
	made := render(t)
	if len(made["Deployment"]) != 6 || len(made["PodDisruptionBudget"]) != 6 || len(made["ServiceAccount"]) != 1 || len(made) != 3 {
		t.Fatalf("made %d kinds, %d deployments", len(made), len(made["Deployment"]))
	}
	for _, d := range decode(t, made["Deployment"]) {
		name := strings.TrimPrefix(d.Metadata.Name, "r-")
		pod := d.Spec.Template.Spec
		c := pod.Containers[0]
		if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken || !pod.SecurityContext.RunAsNonRoot ||
			pod.SecurityContext.SeccompProfile.Type != "RuntimeDefault" || c.SecurityContext.AllowPrivilegeEscalation == nil ||
			*c.SecurityContext.AllowPrivilegeEscalation || !c.SecurityContext.ReadOnlyRootFilesystem ||
			!slices.Equal(c.SecurityContext.Capabilities.Drop, []string{"ALL"}) {
			t.Errorf("%s may do more than it needs", name)
		}
		if c.ReadinessProbe.HTTPGet.Path != "/readyz" || c.LivenessProbe.HTTPGet.Path != "/healthz" || pod.TerminationGracePeriodSeconds < 30 {
			t.Errorf("%s is not asked how it does, or has no time to end", name)
		}
		if c.Resources.Limits["memory"] == "" || c.Resources.Requests["cpu"] == "" {
			t.Errorf("%s has no resources", name)
		}
		if !slices.Equal(c.Args[:3], []string{"serve", name, "--replicas=3"}) {
			t.Errorf("%s runs %q", name, c.Args)
		}
		secret := "mabus-services"
		if name == "agenthost" {
			secret = "mabus-host"
		}
		if pod.Volumes[0].Secret == nil || pod.Volumes[0].Secret.SecretName != secret || pod.Volumes[1].Secret.SecretName != "mabus-ca" {
			t.Errorf("%s has the credentials %+v", name, pod.Volumes)
		}
		mounted := map[string]bool{}
		for _, m := range c.VolumeMounts {
			mounted[m.Name] = true
		}
		for _, v := range pod.Volumes {
			if !mounted[v.Name] {
				t.Errorf("%s does not mount %s", name, v.Name)
			}
		}
	}
}

func TestAnOpenNamespaceNeedsNoSecrets(t *testing.T) {
	made := render(t, "--set", "nats.strict=false,nats.ca.secret=,nats.serviceCredentials.secret=,nats.hostCredentials.secret=,nats.replicas=1",
		"--set", "agenthost.replicas=null,operators={ann,bob},agenthost.tags={gpu}")
	for _, d := range decode(t, made["Deployment"]) {
		for _, v := range d.Spec.Template.Spec.Volumes {
			if v.Secret != nil {
				t.Errorf("%s wants the secret %s", d.Metadata.Name, v.Secret.SecretName)
			}
		}
		env := map[string]string{}
		for _, e := range d.Spec.Template.Spec.Containers[0].Env {
			env[e.Name] = e.Value
		}
		if env["MABUS_STRICT"] != "false" || env["NATS_CREDS"] != "" {
			t.Errorf("%s has the environment %v", d.Metadata.Name, env)
		}
		if operators := env["MABUS_OPERATORS"]; (operators == "ann,bob") != (d.Metadata.Name == "r-economics" || d.Metadata.Name == "r-registry") {
			t.Errorf("%s has the operators %q", d.Metadata.Name, operators)
		}
		if host := d.Metadata.Name == "r-agenthost"; host != (d.Spec.Replicas == nil) || host != slices.Contains(d.Spec.Template.Spec.Containers[0].Args, "--host-tag=gpu") {
			t.Errorf("%s has %v replicas and runs %q", d.Metadata.Name, d.Spec.Replicas, d.Spec.Template.Spec.Containers[0].Args)
		}
	}
}

func decode(t *testing.T, docs [][]byte) []deployment {
	t.Helper()
	var all []deployment
	for _, doc := range docs {
		asJSON, err := yaml.YAMLToJSON(doc)
		if err != nil {
			t.Fatal(err)
		}
		var d deployment
		if err := json.Unmarshal(asJSON, &d); err != nil {
			t.Fatalf("%v\n%s", err, asJSON)
		}
		all = append(all, d)
	}
	return all
}
