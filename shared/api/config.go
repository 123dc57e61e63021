package api

import (
	"encoding/json"
	"strings"
	"time"
)

// Bounds of the configuration of a namespace.
const (
	MaxConfigBytes    = 256 << 10 // bytes of the document
	MaxConfigDepth    = 64        // names of a path, and levels of the document
	MaxConfigPaths    = 100       // paths of one request
	MaxConfigPath     = 1024      // bytes of a path
	MaxConfigSections = 256       // sections that are registered
	MaxSectionBytes   = 64 << 10  // bytes of the schema of a section, and of its defaults
	MaxConfigComment  = 500       // bytes of a comment
	MaxConfigHistory  = 1000      // versions that the history keeps
	MaxConfigPage     = 100       // entries of one page of the history
)

// Reasons of the configuration.
const (
	ReasonPathMalformed   = "malformed_path"           // invalid
	ReasonPathUnknown     = "unknown_path"             // not_found
	ReasonPathBlocked     = "path_under_scalar"        // invalid: on the way there is a value that is no object
	ReasonPathsConflict   = "conflicting_paths"        // invalid: a path is given twice, or one lies under another
	ReasonNullValue       = "null_value"               // invalid: null is no value; unset takes one away
	ReasonConfigTooLarge  = "config_too_large"         // invalid: the document, its depth or a value
	ReasonValueRefused    = "value_refused"            // invalid: the schema or a rule of the section does not allow it
	ReasonProtectedPath   = "protected_path"           // permission_denied: for those alone whom access.operators names
	ReasonSectionNotFound = "section_not_found"        // not_found
	ReasonManySections    = "too_many_sections"        // overloaded
	ReasonSchemaInvalid   = "invalid_schema"           // invalid: the schema of a section, or its defaults, which it must accept
	ReasonConfigVersion   = "config_version_not_found" // not_found: the history does not have it, or not any longer
)

// ConfigAction is what a change of the configuration was.
type ConfigAction string

// The actions.
const (
	ConfigSetAction      ConfigAction = "set"
	ConfigUnsetAction    ConfigAction = "unset"
	ConfigRollbackAction ConfigAction = "rollback"
	ConfigResetAction    ConfigAction = "reset"
)

// ConfigActions lists every action.
var ConfigActions = []ConfigAction{ConfigSetAction, ConfigUnsetAction, ConfigRollbackAction, ConfigResetAction}

// ConfigDocument is what is set in a namespace: the one document, as it is stored, in the history and in the event of a change.
type ConfigDocument struct {
	// Version counts changes; 0 is a document that nobody has changed, which is empty.
	Version uint64 `json:"version"`
	// Config is an object of sections. What a section does not say is as each process has it by its environment, its flags and its defaults.
	Config    json.RawMessage `json:"config"`
	ChangedAt time.Time       `json:"changed_at,omitzero"`
	ChangedBy string          `json:"changed_by,omitempty"`
	Action    ConfigAction    `json:"action,omitempty"`
	// Paths are those that have another value than in the version before, the first 100 of them.
	Paths   []string `json:"paths,omitempty"`
	Comment string   `json:"comment,omitempty"`
	// Target is the version that a rollback went back to.
	Target   *uint64 `json:"target,omitempty"`
	Revision string  `json:"revision,omitempty"`
}

// ConfigValue is a value at a path, for example loadbalancer.ejection.time.
type ConfigValue struct {
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// ConfigChange is how one path differs between two documents.
type ConfigChange struct {
	Path string          `json:"path"`
	Old  json.RawMessage `json:"old,omitempty"` // absent when nothing was set
	New  json.RawMessage `json:"new,omitempty"` // absent when nothing is set any longer
}

// ConfigProblem is a value that a section does not allow.
type ConfigProblem struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

// ConfigGetRequest reads what is set.
type ConfigGetRequest struct {
	// Paths are what is asked for; everything unless given.
	Paths []string `json:"paths,omitempty"`
	// Defaults puts under what is set the defaults that services have registered.
	Defaults    bool   `json:"defaults,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
	// Unless spares the answer its config when the document still has this version.
	Unless *uint64 `json:"unless,omitempty"`
}

// Validate implements Validator.
func (r *ConfigGetRequest) Validate() error { return checkConfigPaths("paths", r.Paths) }

// ConfigGetResponse is what is set.
type ConfigGetResponse struct {
	Version   uint64    `json:"version"`
	Revision  string    `json:"revision,omitempty"`
	ChangedAt time.Time `json:"changed_at,omitzero"`
	ChangedBy string    `json:"changed_by,omitempty"`
	// Config has what was asked for, at its place in the document; absent when the version is the one of Unless.
	Config json.RawMessage `json:"config,omitempty"`
}

// ConfigSetRequest sets several paths in one step: all of them, or none.
type ConfigSetRequest struct {
	Values []ConfigValue `json:"values,omitempty"`
	// Unset are paths at which what is set is taken away in the same step.
	Unset []string `json:"unset,omitempty"`
	// Version is the one that is expected to be changed; any unless given.
	Version *uint64 `json:"version,omitempty"`
	Comment string  `json:"comment,omitempty"`
}

// Validate implements Validator.
func (r *ConfigSetRequest) Validate() error {
	if n := len(r.Values) + len(r.Unset); n == 0 || n > MaxConfigPaths {
		return Errorf(Invalid, "values and unset must have 1 to %d entries together", MaxConfigPaths).WithFields("values", "unset")
	}
	if err := checkConfigPaths("unset", r.Unset); err != nil {
		return err
	}
	for _, v := range r.Values {
		if err := CheckConfigPath(v.Path); err != nil {
			return err
		}
		if len(v.Value) == 0 {
			return Errorf(Invalid, "values: %s has no value", v.Path).WithReason(ReasonMissingFields).WithFields(v.Path)
		}
	}
	return checkComment(r.Comment)
}

// ConfigUnsetRequest takes away what is set at several paths, in one step.
type ConfigUnsetRequest struct {
	Paths   []string `json:"paths"`
	Version *uint64  `json:"version,omitempty"`
	Comment string   `json:"comment,omitempty"`
}

// Validate implements Validator.
func (r *ConfigUnsetRequest) Validate() error {
	if len(r.Paths) == 0 {
		return Errorf(Invalid, "paths must have 1 to %d entries", MaxConfigPaths).WithFields("paths")
	}
	if err := checkConfigPaths("paths", r.Paths); err != nil {
		return err
	}
	return checkComment(r.Comment)
}

// ConfigRollbackRequest makes the document what it was at a version: 0 is empty.
type ConfigRollbackRequest struct {
	To      uint64  `json:"to"`
	Version *uint64 `json:"version,omitempty"`
	Comment string  `json:"comment,omitempty"`
}

// Validate implements Validator.
func (r *ConfigRollbackRequest) Validate() error { return checkComment(r.Comment) }

// ConfigResetRequest takes away all that is set in one section, or in all of them.
type ConfigResetRequest struct {
	Section string  `json:"section,omitempty"`
	All     bool    `json:"all,omitempty"`
	Version *uint64 `json:"version,omitempty"`
	Comment string  `json:"comment,omitempty"`
}

// Validate implements Validator.
func (r *ConfigResetRequest) Validate() error {
	if (r.Section == "") == !r.All {
		return Errorf(Invalid, "give either section or all").WithFields("section", "all")
	}
	if err := CheckOptionalID("section", r.Section); err != nil {
		return err
	}
	return checkComment(r.Comment)
}

// ConfigChanged is the answer to a change.
type ConfigChanged struct {
	Version  uint64 `json:"version"`
	Revision string `json:"revision"`
	// Changed is false when everything was so already: then there is no new version.
	Changed bool `json:"changed"`
	// Paths are those that have another value now, the first 100 of them, and Restart those of them that processes take up when they start.
	Paths   []string `json:"paths,omitempty"`
	Restart []string `json:"restart,omitempty"`
}

// CheckConfigPath refuses what is no path: 1 to 64 names of A-Z, a-z, 0-9, '_' and '-', with dots between.
func CheckConfigPath(path string) error {
	bad := len(path) > MaxConfigPath || strings.Count(path, ".") >= MaxConfigDepth
	if !bad {
		for name := range strings.SplitSeq(path, ".") {
			bad = bad || !ValidID(name)
		}
	}
	if bad {
		return Errorf(Invalid, "%.80q is no path: it must be 1 to %d names of A-Z, a-z, 0-9, '_' and '-' with dots between, at most %d bytes in all",
			path, MaxConfigDepth, MaxConfigPath).WithReason(ReasonPathMalformed)
	}
	return nil
}

func checkConfigPaths(field string, paths []string) error {
	if len(paths) > MaxConfigPaths {
		return Errorf(Invalid, "%s has %d entries, at most %d are allowed", field, len(paths), MaxConfigPaths).WithFields(field)
	}
	for _, p := range paths {
		if err := CheckConfigPath(p); err != nil {
			return err
		}
	}
	return nil
}

func checkComment(comment string) error {
	if len(comment) > MaxConfigComment || strings.ContainsFunc(comment, func(r rune) bool { return r < 0x20 || r == 0x7f || r == 0xfffd }) {
		return Errorf(Invalid, "comment must be printable text of at most %d bytes", MaxConfigComment).WithFields("comment")
	}
	return nil
}
