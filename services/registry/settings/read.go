package settings

import (
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

// Select returns what a document has at some paths, each at its place; all of it for no paths. It is not_found (unknown_path) where nothing
// is.
func Select(from tree.Object, paths []string) (tree.Object, error) {
	if len(paths) == 0 {
		return from, nil
	}
	picked := tree.Object{}
	for _, path := range paths {
		v, err := from.Get(path)
		if err != nil {
			return nil, err
		}
		if v.IsZero() {
			return nil, api.Errorf(api.NotFound, "nothing is set at %s", path).WithReason(api.ReasonPathUnknown).WithFields(path)
		}
		// Under a path that was picked before all is there already.
		if have, err := picked.Get(path); err == nil && tree.Equal(have, v) {
			continue
		}
		if picked, err = picked.Set(path, v); err != nil {
			return nil, err
		}
	}
	return picked, nil
}

// WithDefaults puts a document over the defaults of all sections.
func (r Rules) WithDefaults(o tree.Object) tree.Object {
	under := make(tree.Object, len(r.Sections))
	for name, s := range r.Sections {
		under[name] = tree.Value{Object: s.Defaults}
	}
	return tree.Merge(tree.Value{Object: under}, tree.Value{Object: o}).Object
}

// Compare returns how two documents differ.
func Compare(from, to *api.ConfigDocument) ([]api.ConfigChange, error) {
	a, err := Config(from)
	if err != nil {
		return nil, err
	}
	b, err := Config(to)
	if err != nil {
		return nil, err
	}
	changes := []api.ConfigChange{}
	for _, c := range tree.Diff(a, b) {
		changes = append(changes, api.ConfigChange{Path: c.Path, Old: c.Old.JSON(), New: c.New.JSON()})
	}
	return changes, nil
}

// Restart returns those of some paths that processes take up when they start.
func (r Rules) Restart(paths []string) []string {
	var late []string
	for _, p := range paths {
		if s := r.section(p); s != nil && s.Schema.Restart(p) {
			late = append(late, p)
		}
	}
	return late
}

// Describe returns what may be set in a section, and what of it is.
func (s *Section) Describe(config tree.Object) api.ConfigDescription {
	set := config[s.Name].Object
	d := api.ConfigDescription{ConfigSection: s.ConfigSection, Settings: s.Schema.Settings(s.Name)}
	for i := range d.Settings {
		x := &d.Settings[i]
		if x.Path != s.Name {
			x.Default, x.Set = at(s.Defaults, x.Path[len(s.Name)+1:]), at(set, x.Path[len(s.Name)+1:])
		}
		for _, p := range Protected {
			x.Protected = x.Protected || tree.Within(x.Path, p)
		}
	}
	unknown, refused := s.Problems(set)
	for _, path := range unknown {
		d.Problems = append(d.Problems, api.ConfigProblem{Path: path, Message: "the section has nothing of that name"})
	}
	d.Problems = append(d.Problems, refused...)
	return d
}

func at(o tree.Object, path string) []byte {
	v, err := o.Get(path)
	if err != nil {
		return nil
	}
	return v.JSON()
}

// Register returns the section that stands after a registration: an older schema, or the same again, leaves it as it is.
func Register(old *api.ConfigSection, next api.ConfigSection) *api.ConfigSection {
	if old != nil && (next.Schema < old.Schema || next.Schema == old.Schema && string(next.JSONSchema) == string(old.JSONSchema) && string(next.Defaults) == string(old.Defaults)) {
		return old
	}
	return &next
}
