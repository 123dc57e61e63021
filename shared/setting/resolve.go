package setting

import (
	"maps"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

// resolved is a section as a process goes by it.
type resolved[T any] struct {
	value    *T
	values   tree.Object
	origins  map[string]api.ConfigOrigin
	problems []api.ConfigProblem
	restart  []string
	start    *resolved[T] // by which what needs a restart goes
}

// resolve puts what is stored over the base. What needs a restart goes by the start; nil at the start itself.
func (s *Section[T]) resolve(b *base, stored tree.Object, start *resolved[T]) *resolved[T] {
	over := tree.Merge(tree.Value{Object: b.values}, tree.Value{Object: stored}).Object
	r := &resolved[T]{start: start, origins: maps.Clone(b.origins)}
	if value, whole, restart, problems := s.fit(b, over, start); len(problems) == 0 {
		r.value, r.values, r.restart = value, whole, restart
		stored.Leaves(func(path string, _ tree.Value) bool {
			r.origins[path] = api.OriginStored
			return true
		})
		return r
	}
	s.pick(b, r, stored)
	return r
}

// pick takes what is stored value by value, and leaves out what does not fit.
func (s *Section[T]) pick(b *base, r *resolved[T], stored tree.Object) {
	r.values, r.restart = b.keep(b.values, r.start)
	r.value, _ = s.take(b, r.values)
	over := b.values
	stored.Leaves(func(path string, leaf tree.Value) bool {
		next, err := over.Set(path, leaf)
		if err != nil {
			r.refuse(s.Name+"."+path, err.Error())
			return true
		}
		value, whole, restart, problems := s.fit(b, next, r.start)
		if len(problems) > 0 {
			r.refuse(s.Name+"."+path, problems[0].Message)
			return true
		}
		over, r.value, r.values, r.restart, r.origins[path] = next, value, whole, restart, api.OriginStored
		return true
	})
}

// fit makes a T of values that would do at a start, with what needs one as it was at the last.
func (s *Section[T]) fit(b *base, values tree.Object, start *resolved[T]) (v *T, whole tree.Object, restart []string, problems []api.ConfigProblem) {
	if v, problems = s.take(b, values); len(problems) > 0 {
		return nil, nil, nil, problems
	}
	if whole, restart = b.keep(values, start); len(restart) > 0 {
		v, problems = s.take(b, whole)
	}
	return v, whole, restart, problems
}

func (r *resolved[T]) refuse(path, why string) {
	if len(r.problems) < api.MaxConfigPaths {
		r.problems = append(r.problems, api.ConfigProblem{Path: path, Message: why})
	}
}

// keep puts back what is taken up only at the start, and says what of it would be otherwise by now.
func (b *base) keep(values tree.Object, start interface{ then() tree.Object }) (kept tree.Object, restart []string) {
	then := start.then()
	if then == nil {
		return values, nil
	}
	for _, x := range b.schema.Settings(b.name) {
		if !x.Restart || x.Path == b.name {
			continue
		}
		path := x.Path[len(b.name)+1:]
		now, err := values.Get(path)
		was, errWas := then.Get(path)
		if err != nil || errWas != nil || tree.Equal(now, was) {
			continue
		}
		next, err := values.Unset(path)
		if err == nil && !was.IsZero() {
			next, err = next.Set(path, was)
		}
		if err == nil {
			values, restart = next, append(restart, x.Path)
		}
	}
	return values, restart
}

func (r *resolved[T]) then() tree.Object {
	if r == nil {
		return nil
	}
	return r.values
}

// inForce tells by what the process goes.
func (r *resolved[T]) inForce(name string) api.ConfigSectionInForce {
	out := api.ConfigSectionInForce{Name: name, Values: []api.ConfigInForce{}, Problems: r.problems, Restart: r.restart}
	r.values.Leaves(func(path string, v tree.Value) bool {
		from := r
		if slices.ContainsFunc(r.restart, func(late string) bool { return tree.Within(name+"."+path, late) }) {
			from = r.start
		}
		out.Values = append(out.Values, api.ConfigInForce{Path: name + "." + path, Value: v.JSON(), Origin: from.origin(path)})
		return true
	})
	return out
}

// origin returns where a value is from. An array or a map may have been given as a whole, and then stored in part.
func (r *resolved[T]) origin(path string) api.ConfigOrigin {
	strongest := api.OriginDefault
	for given, o := range r.origins {
		if tree.Within(path, given) && slices.Index(api.ConfigOrigins, o) < slices.Index(api.ConfigOrigins, strongest) {
			strongest = o
		}
	}
	return strongest
}
