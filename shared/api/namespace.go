package api

import (
	"slices"
	"strings"
)

// ReasonNamespaceTaken says that a namespace of this name would mean stores of another one by the names of its own.
const ReasonNamespaceTaken = "namespace_taken" // invalid

// Fence begins the names of the streams that keep writes away from a namespace's stores while it is migrated.
const Fence = "FENCE_"

// endings are what a namespace may not end in. Two streams, or two buckets, of which one's name ends in _ and the other's, as economics_archive and
// archive do, have one name in two namespaces: x_economics_archive is the one of x, and the other of x_economics.
var endings = func() (all []string) {
	for _, a := range Stores {
		for _, b := range Stores {
			if rest, ok := strings.CutSuffix(a.Name, "_"+b.Name); ok && a.Stream("x") == b.Stream("x_"+rest) {
				all = append(all, "_"+rest)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}()

// beginnings are what a namespace may not begin with: what the streams of buckets, of object stores and of fences begin with, so that none of them
// is a stream of a namespace of such a name.
var beginnings = func() []string {
	all := []string{Fence}
	for _, s := range Stores {
		if before, _ := strings.CutSuffix(s.Stream(""), Bucket("", s.Name)); before != "" {
			all = append(all, before)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}()

// CheckNamespace refuses what is no name of a namespace (invalid), and names by which two namespaces would have one store between them (invalid,
// namespace_taken). No two names that it lets through have a stream, a bucket or an object store in common.
func CheckNamespace(name string) error {
	if !ValidID(name) {
		return Errorf(Invalid, "namespace must be 1 to %d characters of A-Z, a-z, 0-9, '_' and '-'", MaxIDLength)
	}
	for _, e := range endings {
		if before, ok := strings.CutSuffix(name, e); ok {
			return Errorf(Invalid, "a namespace may not end in %s, since stores of %s would have the names of its own: take another name, %s for example",
				e, orAnother(before), strings.ReplaceAll(name, "_", "-")).WithReason(ReasonNamespaceTaken)
		}
	}
	for _, b := range beginnings {
		if strings.HasPrefix(name, b) {
			return Errorf(Invalid, "a namespace may not begin with %s, as names of NATS' streams do: take another name, %s for example",
				b, strings.ReplaceAll(name, "_", "-")).WithReason(ReasonNamespaceTaken)
		}
	}
	return nil
}

func orAnother(name string) string {
	if name == "" {
		return "another"
	}
	return name
}
