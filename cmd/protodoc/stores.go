package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// stores is the table of docs/operations.md of what is kept, for how long, and what becomes of writes that have no room.
func stores() string {
	var b strings.Builder
	b.WriteString("| store | kind | holds | at most | kept | when full |\n|---|---|---|---|---|---|\n")
	for _, s := range api.Stores {
		full := "refuses what is new"
		switch {
		case s.Admitted:
			full = "its service refuses what is new"
		case s.Full == api.StoreDrops:
			full = "the oldest goes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", api.Bucket("<ns>", s.Name), s.Kind, s.Holds, bounds(s), kept(s), full)
	}
	return b.String()
}

func bounds(s api.Store) string {
	parts := []string{size(s.Bytes)}
	if s.Messages > 0 {
		parts = append(parts, fmt.Sprintf("%d messages", s.Messages))
	}
	switch {
	case s.Kind == api.StoreBucket && s.Each > 1:
		parts = append(parts, fmt.Sprintf("%d revisions of a key", s.Each))
	case s.Each > 1:
		parts = append(parts, fmt.Sprintf("%d messages of a subject", s.Each))
	}
	return strings.Join(parts, ", ")
}

func kept(s api.Store) string {
	var parts []string
	if s.Age > 0 {
		parts = append(parts, age(s.Age))
	}
	if s.Until != "" {
		parts = append(parts, "until "+s.Until)
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, "; ")
	case s.Full == api.StoreDrops:
		return "while there is room"
	default:
		return "for good"
	}
}

func age(d time.Duration) string {
	switch day := 24 * time.Hour; {
	case d > day:
		return fmt.Sprintf("%d days", d/day)
	case d == day:
		return "a day"
	default:
		return "an hour"
	}
}

func size(n int64) string {
	for _, u := range []struct {
		name string
		of   int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.of && n%u.of == 0 {
			return fmt.Sprintf("%d %s", n/u.of, u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}
