package kit

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// match compares a frame with what is wanted of it. Fields that the transcript does not name may be anything; payloads and other
// values are equal as a whole. "$any" stands for any value, "$none" for none (null or an empty
// text), "$text" for a text that is not empty, "$has:x" for one that holds x, and "$name" for a value that
// is the same wherever the name stands: names are added to vars.
func match(want, have frame, vars map[string]any) bool {
	tried := maps.Clone(vars)
	if want["type"] == "error" && have["type"] == "error" {
		have = plain(have)
	}
	for name, value := range want {
		got, ok := have[name]
		if !ok && value == nil {
			continue // a payload that is left out is null
		}
		if name == "error" {
			if !within(value, got, tried) {
				return false
			}
			continue
		}
		if !equal(value, got, tried) {
			return false
		}
	}
	maps.Copy(vars, tried)
	return true
}

// plain gives the error of a frame its full form: it may be a text, have its reason among its details, and leave code and
// reason to the host.
func plain(f frame) frame {
	f = maps.Clone(f)
	e := map[string]any{}
	switch v := f["error"].(type) {
	case string:
		e["message"] = v
	case map[string]any:
		maps.Copy(e, v)
	}
	if details, ok := e["details"].(map[string]any); ok && e["reason"] == nil && details["reason"] != nil {
		e["reason"] = details["reason"]
	}
	if e["code"] == nil {
		e["code"] = "failed_precondition"
	}
	if e["reason"] == nil || e["reason"] == "" {
		e["reason"] = "agent_error"
	}
	f["error"] = e
	return f
}

// within compares the fields that want names.
func within(want, have any, vars map[string]any) bool {
	w, ok := want.(map[string]any)
	h, ok2 := have.(map[string]any)
	if !ok || !ok2 {
		return equal(want, have, vars)
	}
	for name, value := range w {
		if !equal(value, h[name], vars) {
			return false
		}
	}
	return true
}

func equal(want, have any, vars map[string]any) bool {
	switch w := want.(type) {
	case string:
		return equalText(w, have, vars)
	case []any:
		h, ok := have.([]any)
		return ok && slices.EqualFunc(w, h, func(a, b any) bool { return equal(a, b, vars) })
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok || len(w) != len(h) {
			return false
		}
		for name, value := range w {
			got, ok := h[name]
			if !ok || !equal(value, got, vars) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(want, have)
}

func equalText(want string, have any, vars map[string]any) bool {
	text, isText := have.(string)
	name, isVar := strings.CutPrefix(want, "$")
	switch {
	case !isVar:
		return isText && want == text
	case name == "any":
		return true
	case name == "none":
		return have == nil || have == ""
	case name == "text":
		return isText && text != ""
	case strings.HasPrefix(name, "has:"):
		return isText && strings.Contains(text, strings.TrimPrefix(name, "has:"))
	}
	if known, ok := vars[name]; ok {
		return reflect.DeepEqual(known, have)
	}
	vars[name] = have
	return true
}

// expand writes what vars are known into a frame that the host sends.
func expand(raw string, vars map[string]any) string {
	for name, value := range vars {
		if text, ok := value.(string); ok {
			raw = strings.ReplaceAll(raw, `"$`+name+`"`, `"`+text+`"`)
		}
	}
	return raw
}
