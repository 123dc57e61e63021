package job_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/codec"
)

// The job files in testdata/before are ones that an earlier version took, beside what it read in them. They are written once, and never again.
func TestJobsOfBefore(t *testing.T) {
	files, err := filepath.Glob("testdata/before/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no job files of before: %v", err)
	}
	environment := map[string]string{"MABUS_LLM_URL": "http://models.example/v1"}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		j, err := job.ParseIn(text, func(name string) (string, bool) { v, ok := environment[name]; return v, ok })
		if err != nil {
			t.Errorf("%s is not taken any more: %v (docs/compatibility.md, \"Job files\")", file, err)
			continue
		}
		body, err := codec.Marshal(j)
		if err != nil {
			t.Fatal(err)
		}
		was, err := os.ReadFile(strings.TrimSuffix(file, ".yaml") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(was, &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s means something else than it did (docs/compatibility.md, \"Job files\"):\n%s", file, diff)
		}
	}
}
