// Package settings holds the pure rules of the configuration of a namespace: how one document of sections is changed, gone back to,
// emptied and compared. Which section exists and what it allows comes in as an argument, and so do the time and who asks.
package settings

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

// Schema is what a section allows.
type Schema interface {
	// Check returns the names that the schema does not know, and the values that it does not allow, of a section with its defaults.
	Check(section string, value tree.Object) (unknown []string, refused []api.ConfigProblem)
	// Settings returns the paths that may be set, in order.
	Settings(section string) []api.ConfigSetting
	// Restart tells whether a path is taken up only when a process starts, and Protected whether it is for operators alone.
	Restart(path string) bool
	Protected(path string) bool
}

// Section is a registered section. Those that the rules get are complete: one that is not there does not exist.
type Section struct {
	api.ConfigSection
	Schema   Schema
	Defaults tree.Object
	// Rule checks what no schema can say, of the section with its defaults; nil for none.
	Rule func(value json.RawMessage) error
}

// Protected are the paths that are for operators alone, whatever a schema says.
var Protected = []string{"access", "economics.operators"}

// Author is who changes the document, and how.
type Author struct {
	Who      string
	Operator bool
	At       time.Time
	Comment  string
	// Expect is the version that the author has seen; any unless given.
	Expect *uint64
}

// Rules are what holds when a document is changed.
type Rules struct {
	Sections map[string]*Section
	// Base is the version that a document had which is there no more, so that no version stands for two documents.
	Base uint64
}

// Set returns the document with several values set and others taken away: all of it, or an error and nothing. An equal document is returned
// as it is.
func (r Rules) Set(old *api.ConfigDocument, values []api.ConfigValue, taken []string, by Author) (*api.ConfigDocument, error) {
	paths := slices.Clone(taken)
	for _, v := range values {
		paths = append(paths, v.Path)
	}
	return r.change(old, by, api.ConfigSetAction, func(o tree.Object) (tree.Object, error) {
		if err := apart(paths); err != nil {
			return nil, err
		}
		o, err := r.take(o, taken)
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			if err := r.known(v.Path); err != nil {
				return nil, err
			}
			value, err := tree.Parse(v.Path, v.Value)
			if err != nil {
				return nil, err
			}
			if strings.IndexByte(v.Path, '.') < 0 && value.Object == nil {
				return nil, api.Errorf(api.Invalid, "%s is a section: its value must be an object", v.Path).WithReason(api.ReasonValueRefused).WithFields(v.Path)
			}
			if o, err = o.Set(v.Path, value); err != nil {
				return nil, err
			}
		}
		return o, nil
	})
}

// Unset returns the document without what is set at some paths. What is not set stays so; a path that can never be set is refused.
func (r Rules) Unset(old *api.ConfigDocument, paths []string, by Author) (*api.ConfigDocument, error) {
	return r.change(old, by, api.ConfigUnsetAction, func(o tree.Object) (tree.Object, error) {
		if err := apart(paths); err != nil {
			return nil, err
		}
		return r.take(o, paths)
	})
}

func (r Rules) take(o tree.Object, paths []string) (tree.Object, error) {
	for _, path := range paths {
		have, err := o.Get(path)
		if err != nil {
			return nil, err
		}
		if have.IsZero() && !r.settable(path) {
			return nil, unknown(path)
		}
		if o, err = o.Unset(path); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// Rollback returns the document as it was in another one.
func (r Rules) Rollback(old, to *api.ConfigDocument, by Author) (*api.ConfigDocument, error) {
	next, err := r.change(old, by, api.ConfigRollbackAction, func(tree.Object) (tree.Object, error) { return Config(to) })
	if err == nil && next != old {
		target := Version(to)
		next.Target = &target
	}
	return next, err
}

// Reset returns the document without a section, or empty if none is named.
func (r Rules) Reset(old *api.ConfigDocument, section string, by Author) (*api.ConfigDocument, error) {
	return r.change(old, by, api.ConfigResetAction, func(o tree.Object) (tree.Object, error) {
		if section == "" {
			return tree.Object{}, nil
		}
		if _, set := o[section]; !set && r.Sections[section] == nil {
			return nil, NoSection(section)
		}
		return o.Unset(section)
	})
}

// change applies an edit, and checks what comes of it.
func (r Rules) change(old *api.ConfigDocument, by Author, action api.ConfigAction, edit func(tree.Object) (tree.Object, error)) (*api.ConfigDocument, error) {
	if by.Expect != nil && *by.Expect != Version(old) {
		return nil, api.Errorf(api.Conflict, "the configuration has version %d, and %d was expected: read it again", Version(old), *by.Expect).WithReason(api.ReasonConfigChanged)
	}
	before, err := Config(old)
	if err != nil && action != api.ConfigRollbackAction && action != api.ConfigResetAction { // which make good what somebody has broken
		return nil, err
	}
	after, err := edit(before)
	if err != nil {
		return nil, err
	}
	changes := tree.Diff(before, after)
	if len(changes) == 0 {
		return old, nil
	}
	if err := r.allowed(changes, by); err != nil {
		return nil, err
	}
	text := after.JSON()
	if len(text) > api.MaxConfigBytes || tree.Levels(text) > api.MaxConfigDepth {
		e := api.Errorf(api.Invalid, "the configuration would have %d bytes in %d levels, at most %d in %d are allowed", len(text), tree.Levels(text), api.MaxConfigBytes, api.MaxConfigDepth)
		e.Details.Size, e.Details.MaxSize = int64(len(text)), api.MaxConfigBytes
		return nil, e.WithReason(api.ReasonConfigTooLarge)
	}
	if err := r.accepted(changes, before, after); err != nil {
		return nil, err
	}
	return &api.ConfigDocument{
		Version: r.next(old), Config: text, ChangedAt: by.At, ChangedBy: by.Who, Action: action, Paths: Paths(changes), Comment: by.Comment,
	}, nil
}

func (r Rules) next(old *api.ConfigDocument) uint64 { return max(Version(old), r.Base) + 1 }

// Version returns the version of a document; 0 for none.
func Version(d *api.ConfigDocument) uint64 {
	if d == nil {
		return 0
	}
	return d.Version
}

// Config returns what a document has; nothing for none.
func Config(d *api.ConfigDocument) (tree.Object, error) {
	if d == nil {
		return tree.Object{}, nil
	}
	o, err := tree.ParseObject("", d.Config)
	if err != nil {
		err = api.Errorf(api.FailedPrecondition, "the stored document is broken, roll back to a version of its history: %v", err)
	}
	return o, err
}

// Paths returns the paths of the values that changes give or take, each once and in order: the first api.MaxConfigPaths.
func Paths(changes []tree.Change) []string {
	all := leaves(changes)
	return all[:min(len(all), api.MaxConfigPaths)]
}

// leaves returns the paths of all values that changes give or take.
func leaves(changes []tree.Change) []string {
	var all []string
	for _, c := range changes {
		for _, v := range []tree.Value{c.Old, c.New} {
			if len(v.Object) == 0 {
				if !v.IsZero() {
					all = append(all, c.Path)
				}
				continue
			}
			v.Object.Leaves(func(path string, _ tree.Value) bool {
				all = append(all, c.Path+"."+path)
				return true
			})
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// apart refuses paths of which one is given twice, or lies under another: what the one says the other would undo.
func apart(paths []string) error {
	sorted := slices.Clone(paths)
	slices.SortFunc(sorted, func(a, b string) int { return slices.Compare(strings.Split(a, "."), strings.Split(b, ".")) })
	for i := 1; i < len(sorted); i++ {
		if tree.Within(sorted[i], sorted[i-1]) {
			return api.Errorf(api.Invalid, "%s is given together with %s: give each path once, and none under another", sorted[i], sorted[i-1]).
				WithReason(api.ReasonPathsConflict).WithFields(sorted[i-1], sorted[i])
		}
	}
	return nil
}
