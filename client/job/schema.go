package job

import (
	_ "embed"
	"slices"
)

//go:embed job.schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of the job file. It accepts every file that Parse accepts; Parse also
// refuses what a schema cannot say, such as two agents of one name.
func Schema() []byte { return slices.Clone(schema) }
