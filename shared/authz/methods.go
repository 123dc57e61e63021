package authz

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// methods are the subjects of all methods that are granted to a kind, below prefix. A noun or a service that is granted whole is one
// pattern, so that what a new version adds to it is granted as soon as the permissions are made again, and may be before.
func methods(prefix string, kind api.Kind) []string {
	var out []string
	for _, service := range tokens(api.Methods, func(d api.Descriptor) string { return d.Service }) {
		of := where(api.Methods, func(d api.Descriptor) bool { return d.Service == service })
		out = append(out, compact(prefix+"."+service, of, kind)...)
	}
	return out
}

// compact names what is granted of the methods of one service.
func compact(prefix string, of []api.Descriptor, kind api.Kind) []string {
	if granted(of, kind) == len(of) {
		return []string{prefix + ".*.*"}
	}
	var out []string
	for _, noun := range tokens(of, func(d api.Descriptor) string { return d.Noun }) {
		verbs := where(of, func(d api.Descriptor) bool { return d.Noun == noun })
		if granted(verbs, kind) == len(verbs) {
			out = append(out, prefix+"."+noun+".*")
			continue
		}
		for _, d := range verbs {
			if d.GrantedTo(kind) {
				out = append(out, prefix+"."+noun+"."+d.Verb)
			}
		}
	}
	return out
}

func granted(of []api.Descriptor, kind api.Kind) int {
	return len(where(of, func(d api.Descriptor) bool { return d.GrantedTo(kind) }))
}

func where(of []api.Descriptor, is func(api.Descriptor) bool) []api.Descriptor {
	return slices.DeleteFunc(slices.Clone(of), func(d api.Descriptor) bool { return !is(d) })
}

// tokens are the different values in order.
func tokens(of []api.Descriptor, of1 func(api.Descriptor) string) []string {
	var out []string
	for _, d := range of {
		out = append(out, of1(d))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
