package settings

import (
	"errors"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

// NoSection is the error for a section that nobody has registered.
func NoSection(name string) error {
	return api.Errorf(api.NotFound, "no service has registered a section %s: see registry.config.describe", name).WithReason(api.ReasonSectionNotFound).WithFields(name)
}

func unknown(paths ...string) error {
	return api.Errorf(api.NotFound, "there is nothing to set at %s: see registry.config.describe", strings.Join(paths, ", ")).
		WithReason(api.ReasonPathUnknown).WithFields(paths...)
}

// section returns the section of a path.
func (r Rules) section(path string) *Section {
	name, _, _ := strings.Cut(path, ".")
	return r.Sections[name]
}

// known refuses a path of no section. What a section does not know is found when the whole is checked.
func (r Rules) known(path string) error {
	if r.section(path) == nil {
		return unknown(path)
	}
	return nil
}

// settable tells whether something may be set at a path, or under it.
func (r Rules) settable(path string) bool {
	s := r.section(path)
	if s == nil {
		return false
	}
	return slices.ContainsFunc(s.Schema.Settings(s.Name), func(x api.ConfigSetting) bool {
		return tree.Within(x.Path, path) || (x.Type == "map" || x.Type == "any") && tree.Within(path, x.Path)
	})
}

// allowed refuses what is for operators alone.
func (r Rules) allowed(changes []tree.Change, by Author) error {
	if by.Operator {
		return nil
	}
	for _, path := range leaves(changes) {
		if !r.protected(path) {
			continue
		}
		if by.Who == "" {
			return api.Errorf(api.Unauthenticated, "%s is for operators alone: name yourself", path).WithReason(api.ReasonPrincipalMissing).WithFields(path)
		}
		return api.Errorf(api.PermissionDenied, "%s is for operators alone, and %s is none: access.operators says who is", path, by.Who).
			WithReason(api.ReasonProtectedPath).WithFields(path)
	}
	return nil
}

// protected tells whether the value at a path is for operators alone.
func (r Rules) protected(path string) bool {
	if slices.ContainsFunc(Protected, func(p string) bool { return tree.Within(path, p) }) {
		return true
	}
	s := r.section(path)
	return s != nil && s.Schema.Protected(path)
}

// accepted checks every section that a change touches, with its defaults. What a section did not accept before (a newer schema has come)
// does not stand in the way of other changes there; a section that nobody registers any more may only be taken away from.
func (r Rules) accepted(changes []tree.Change, before, after tree.Object) error {
	done := map[string]bool{}
	for _, c := range changes {
		name, _, _ := strings.Cut(c.Path, ".")
		if done[name] {
			continue
		}
		done[name] = true
		s, value := r.Sections[name], after[name]
		if value.IsZero() {
			continue
		}
		if s == nil {
			if !c.New.IsZero() {
				return unknown(c.Path)
			}
			continue
		}
		if value.Object == nil {
			return api.Errorf(api.Invalid, "%s is a section: its value must be an object", name).WithReason(api.ReasonValueRefused).WithFields(name)
		}
		if err := s.accepts(value.Object, before[name].Object, given(changes)); err != nil {
			return err
		}
	}
	return nil
}

// given returns the paths of all values that changes give.
func given(changes []tree.Change) []string {
	only := slices.Clone(changes)
	for i := range only {
		only[i].Old = tree.Value{}
	}
	return leaves(only)
}

// accepts checks a value of the section; what before had wrong already is left alone unless it is given anew.
func (s *Section) accepts(value, before tree.Object, given []string) error {
	names, refused := s.Problems(value)
	if len(names)+len(refused) == 0 {
		return nil
	}
	oldNames, oldRefused := s.Problems(before)
	untouched := func(path string) bool {
		return !slices.ContainsFunc(given, func(g string) bool { return tree.Within(g, path) || tree.Within(path, g) })
	}
	names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(oldNames, n) && untouched(n) })
	if len(names) > 0 {
		return unknown(names...)
	}
	refused = slices.DeleteFunc(refused, func(p api.ConfigProblem) bool { return slices.Contains(oldRefused, p) && untouched(p.Path) })
	if len(refused) == 0 {
		return nil
	}
	fields := make([]string, len(refused))
	for i, p := range refused {
		fields[i] = p.Path
	}
	return api.Errorf(api.Invalid, "%s: %s", refused[0].Path, refused[0].Message).WithReason(api.ReasonValueRefused).WithFields(fields...)
}

// Problems returns what a section does not know or not allow in a value, which is put over its defaults.
func (s *Section) Problems(value tree.Object) (unknown []string, refused []api.ConfigProblem) {
	whole := tree.Merge(tree.Value{Object: s.Defaults}, tree.Value{Object: value})
	if whole.Object == nil {
		whole.Object = tree.Object{}
	}
	unknown, refused = s.Schema.Check(s.Name, whole.Object)
	if len(unknown)+len(refused) > 0 || s.Rule == nil {
		return unknown, refused
	}
	err := s.Rule(whole.JSON())
	if err == nil {
		return nil, nil
	}
	problem := api.ConfigProblem{Path: s.Name, Message: err.Error()}
	var e *api.Error
	if errors.As(err, &e) {
		problem.Message = e.Message
		if len(e.Details.Fields) > 0 {
			problem.Path += "." + e.Details.Fields[0]
		}
	}
	return nil, []api.ConfigProblem{problem}
}
