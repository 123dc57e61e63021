package api

import (
	"encoding/json"
	"time"
)

// ConfigSection is a part of the document that a service has registered: what may stand there.
type ConfigSection struct {
	// Name is the first name of its paths.
	Name string `json:"name"`
	// Schema counts changes of JSONSchema: an older one never takes the place of a newer one.
	Schema uint64 `json:"schema"`
	// JSONSchema is a JSON Schema (draft 2020-12) of an object, against which what is set is checked together with the defaults. Beyond the
	// standard, "restart": true says that a value is taken up when a process starts, "protected": true that it is for operators alone, and
	// "minimum_duration" and "maximum_duration" bound a duration.
	JSONSchema json.RawMessage `json:"json_schema"`
	// Defaults are the values of a process whose environment and flags say nothing.
	Defaults     json.RawMessage `json:"defaults"`
	RegisteredAt time.Time       `json:"registered_at,omitzero"`
	RegisteredBy string          `json:"registered_by,omitempty"`
}

// ConfigRegisterRequest registers a section.
type ConfigRegisterRequest struct {
	Name       string          `json:"name"`
	Schema     uint64          `json:"schema"`
	JSONSchema json.RawMessage `json:"json_schema"`
	Defaults   json.RawMessage `json:"defaults"`
}

// Validate implements Validator.
func (r *ConfigRegisterRequest) Validate() error {
	if err := CheckID("name", r.Name); err != nil {
		return err
	}
	for field, raw := range map[string]json.RawMessage{"json_schema": r.JSONSchema, "defaults": r.Defaults} {
		if len(raw) == 0 || raw[0] != '{' || len(raw) > MaxSectionBytes || depth(raw) > MaxConfigDepth*4 {
			return Errorf(Invalid, "%s must be a JSON object of at most %d bytes and %d levels", field, MaxSectionBytes, MaxConfigDepth*4).
				WithReason(ReasonSchemaInvalid).WithFields(field)
		}
	}
	return nil
}

// ConfigRegistered is the answer to a registration.
type ConfigRegistered struct {
	// Section is what stands now: an older schema than that leaves it as it is.
	Section ConfigSection `json:"section"`
	// Problems are what is set now and the schema does not accept: processes use their own values there.
	Problems []ConfigProblem `json:"problems,omitempty"`
}

// ConfigDescribeRequest asks for one section, or for all.
type ConfigDescribeRequest struct {
	Section string `json:"section,omitempty"`
}

// Validate implements Validator.
func (r *ConfigDescribeRequest) Validate() error { return CheckOptionalID("section", r.Section) }

// ConfigDescription is a section, and what may be set in it.
type ConfigDescription struct {
	ConfigSection
	Settings []ConfigSetting `json:"settings"`
	Problems []ConfigProblem `json:"problems,omitempty"`
}

// ConfigSetting is one path that may be set.
type ConfigSetting struct {
	Path string `json:"path"`
	// Type is that of JSON; "duration" for a string that is one, "map" for an object of any names, "any" when the schema does not say.
	Type    string            `json:"type"`
	Doc     string            `json:"doc,omitempty"`
	Default json.RawMessage   `json:"default,omitempty"`
	Set     json.RawMessage   `json:"set,omitempty"` // what is set
	Least   string            `json:"least,omitempty"`
	Most    string            `json:"most,omitempty"`
	OneOf   []json.RawMessage `json:"one_of,omitempty"`
	// Restart says that processes take it up when they start; all else holds within a second.
	Restart bool `json:"restart,omitempty"`
	// Protected says that it is for operators alone.
	Protected bool `json:"protected,omitempty"`
}

// ConfigDescribeResponse has sections in the order of their names.
type ConfigDescribeResponse struct {
	Sections []ConfigDescription `json:"sections"`
}

// ConfigHistoryRequest asks for changes, newest first.
type ConfigHistoryRequest struct {
	// Before leaves out a version and what is newer; 0 begins with the newest.
	Before uint64 `json:"before,omitempty"`
	Limit  int    `json:"limit,omitempty"`
}

// Validate implements Validator.
func (r *ConfigHistoryRequest) Validate() error {
	if r.Limit < 0 || r.Limit > MaxConfigPage {
		return Errorf(Invalid, "limit must be 1 to %d, or left out for %d", MaxConfigPage, MaxConfigPage).WithFields("limit")
	}
	return nil
}

// ConfigHistoryResponse has changes, newest first, without the documents: see registry.config.diff.
type ConfigHistoryResponse struct {
	Changes []ConfigEntry `json:"changes"`
	// Next is the Before of the next page; 0 when there is none.
	Next uint64 `json:"next,omitempty"`
}

// ConfigEntry is one change of the document.
type ConfigEntry struct {
	Version   uint64       `json:"version"`
	ChangedAt time.Time    `json:"changed_at"`
	ChangedBy string       `json:"changed_by,omitempty"`
	Action    ConfigAction `json:"action"`
	Paths     []string     `json:"paths,omitempty"`
	Comment   string       `json:"comment,omitempty"`
	Target    *uint64      `json:"target,omitempty"`
}

// ConfigDiffRequest compares two versions.
type ConfigDiffRequest struct {
	From uint64 `json:"from"`
	// To is the newest unless given.
	To *uint64 `json:"to,omitempty"`
}

// Validate implements Validator.
func (r *ConfigDiffRequest) Validate() error { return nil }

// ConfigDiffResponse is how two versions differ, in the order of the paths.
type ConfigDiffResponse struct {
	From    uint64         `json:"from"`
	To      uint64         `json:"to"`
	Changes []ConfigChange `json:"changes"`
}

// ConfigStats says how the configuration stands.
type ConfigStats struct {
	Version   uint64    `json:"version"`
	ChangedAt time.Time `json:"changed_at,omitzero"`
	ChangedBy string    `json:"changed_by,omitempty"`
	Sections  int       `json:"sections"`
	// Bytes is how large the document is, and MaxBytes how large it may be.
	Bytes    int `json:"bytes"`
	MaxBytes int `json:"max_bytes"`
	// Oldest is the oldest version that one can go back to, apart from 0.
	Oldest uint64 `json:"oldest"`
}

// ConfigOrigin says where a process has a value from.
type ConfigOrigin string

// The origins, the strongest first.
const (
	OriginStored      ConfigOrigin = "stored"      // the document
	OriginProcess     ConfigOrigin = "process"     // a flag
	OriginEnvironment ConfigOrigin = "environment" // MABUS_<SECTION>_<PATH>
	OriginDefault     ConfigOrigin = "default"
)

// ConfigOrigins lists every origin, the strongest first.
var ConfigOrigins = []ConfigOrigin{OriginStored, OriginProcess, OriginEnvironment, OriginDefault}

// ConfigEffectiveRequest asks every process by what it goes.
type ConfigEffectiveRequest struct {
	// Section is which; all that a process has unless given.
	Section string `json:"section,omitempty"`
}

// Validate implements Validator.
func (r *ConfigEffectiveRequest) Validate() error { return CheckOptionalID("section", r.Section) }

// ConfigEffective is by what one process goes.
type ConfigEffective struct {
	// Process names the process, as long as it runs, and Name is what it is called among the connections of NATS.
	Process string `json:"process"`
	Name    string `json:"name,omitempty"`
	// At is when it answered, by its own clock.
	At time.Time `json:"at,omitzero"`
	// Version is that of the document it knows, and Age for how long it may have missed changes; absent when it has never seen one.
	Version  uint64                 `json:"version"`
	Age      *Duration              `json:"age,omitempty"`
	Sections []ConfigSectionInForce `json:"sections"`
}

// ConfigSectionInForce is a section as a process goes by it.
type ConfigSectionInForce struct {
	Name   string          `json:"name"`
	Values []ConfigInForce `json:"values"`
	// Problems are what is set and not obeyed, because this process cannot take it.
	Problems []ConfigProblem `json:"problems,omitempty"`
	// Restart are paths with a value that holds when the process starts again.
	Restart []string `json:"restart,omitempty"`
}

// ConfigInForce is a value, and where it is from.
type ConfigInForce struct {
	Path   string          `json:"path"`
	Value  json.RawMessage `json:"value"`
	Origin ConfigOrigin    `json:"origin"`
}
