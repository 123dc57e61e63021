package job_test

import (
	"bytes"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/codec"
)

// compiled is the schema as a validator.
func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(job.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("job.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("job.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// accepts asks the schema about a YAML file by itself, without Parse.
func accepts(t testing.TB, s *jsonschema.Schema, file []byte) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(file, &v); err != nil {
		return err
	}
	body, err := codec.Marshal(v)
	if err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return s.Validate(doc)
}

const valid = `version: 1
name: demo
agents:
  - name: counter
    capability: count
    command: [./count.sh, --fast]
    env: {LANG: C}
    replicas: 3
tasks:
  - capability: count
    include: ["**/*.txt"]
    exclude: ["**/old/**"]
    timeout: 90s
`

// without and with change the valid file for one case.
func replace(old, new string) []byte {
	if !bytes.Contains([]byte(valid), []byte(old)) {
		panic("the valid file has no " + old)
	}
	return bytes.Replace([]byte(valid), []byte(old), []byte(new), 1)
}
