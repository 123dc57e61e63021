package tree

import (
	"maps"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// Get returns the value at a path, nothing at all if there is none. It is invalid (path_under_scalar) when a name on the way has a value
// that is no object.
func (o Object) Get(path string) (Value, error) {
	if o == nil {
		return Value{}, nil
	}
	v := Value{Object: o}
	at := 0
	for name := range strings.SplitSeq(path, ".") {
		if v.Object == nil {
			return Value{}, blocked(path, path[:at-1])
		}
		next, ok := v.Object[name]
		if !ok {
			return Value{}, nil
		}
		v = next
		at += len(name) + 1
	}
	return v, nil
}

func blocked(path, at string) error {
	return api.Errorf(api.Invalid, "%s has a value that is no object, so there is no %s under it", at, path).WithReason(api.ReasonPathBlocked).WithFields(path)
}

// Set returns the document with a value at a path; objects on the way are made. Errors are as of Get.
func (o Object) Set(path string, v Value) (Object, error) {
	next, err := set(Value{Object: o}, path, 0, v)
	return next.Object, err
}

func set(in Value, path string, at int, v Value) (Value, error) {
	if at > len(path) {
		return v, nil
	}
	if in.Object == nil && !in.IsZero() {
		return Value{}, blocked(path, path[:at-1])
	}
	name := path[at:]
	if i := strings.IndexByte(name, '.'); i >= 0 {
		name = name[:i]
	}
	inner, err := set(in.Object[name], path, at+len(name)+1, v)
	if err != nil {
		return Value{}, err
	}
	next := make(Object, len(in.Object)+1)
	maps.Copy(next, in.Object)
	next[name] = inner
	return Value{Object: next}, nil
}

// Unset returns the document without what is at a path; what is not there stays so. Errors are as of Get.
func (o Object) Unset(path string) (Object, error) {
	have, err := o.Get(path)
	if err != nil || have.IsZero() {
		return o, err
	}
	name, rest, more := strings.Cut(path, ".")
	next := maps.Clone(o)
	if !more {
		delete(next, name)
		return next, nil
	}
	inner, err := o[name].Object.Unset(rest)
	next[name] = Value{Object: inner}
	return next, err
}

// Change is how one path differs: Old or New is nothing at all when there is no value.
type Change struct {
	Path     string
	Old, New Value
}

// Diff returns how to get from one document to another, in the order of the paths. Where both have an object it goes into it.
func Diff(from, to Object) []Change { return diff("", from, to, nil) }

func diff(under string, from, to Object, changes []Change) []Change {
	names := slices.AppendSeq(slices.Collect(maps.Keys(from)), maps.Keys(to))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		a, b := from[name], to[name]
		switch {
		case a.Object != nil && b.Object != nil:
			changes = diff(under+name+".", a.Object, b.Object, changes)
		case !Equal(a, b):
			changes = append(changes, Change{Path: under + name, Old: a, New: b})
		}
	}
	return changes
}

// Apply carries out changes.
func (o Object) Apply(changes []Change) (Object, error) {
	for _, c := range changes {
		var err error
		if c.New.IsZero() {
			o, err = o.Unset(c.Path)
		} else {
			o, err = o.Set(c.Path, c.New)
		}
		if err != nil {
			return nil, err
		}
	}
	return o, nil
}

// Leaves calls f for each leaf and each empty object, in the order of their paths, until f returns false.
func (o Object) Leaves(f func(path string, leaf Value) bool) { leaves("", o, f) }

func leaves(under string, o Object, f func(string, Value) bool) bool {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		v := o[name]
		if len(v.Object) > 0 {
			if !leaves(under+name+".", v.Object, f) {
				return false
			}
		} else if !f(under+name, v) {
			return false
		}
	}
	return true
}

// Within tells whether a path is another or lies under it.
func Within(path, under string) bool {
	return strings.HasPrefix(path, under) && (len(path) == len(under) || path[len(under)] == '.')
}
