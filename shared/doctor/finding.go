package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// Severity is how bad a finding is.
type Severity string

// The severities, the worst first.
const (
	Critical Severity = "critical" // something does not work now, or data is at risk
	Warning  Severity = "warning"  // something will not work when one more thing fails, or soon
	Unknown  Severity = "unknown"  // it could not be looked at
	Notice   Severity = "notice"   // in order, but good to know
)

// Severities are all of them, in their order.
var Severities = []Severity{Critical, Warning, Unknown, Notice}

// Finding is one thing that is wrong.
type Finding struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	// On names what it is about, for example a stream.
	On   string `json:"on"`
	What string `json:"what"`
	Why  string `json:"why"`
	// Do is the command, or the step, that mends it.
	Do string `json:"do"`
}

// Wrong tells whether something has to be done.
func Wrong(all []Finding) bool {
	return slices.ContainsFunc(all, func(f Finding) bool { return f.Severity == Critical || f.Severity == Warning })
}

// rule finds one kind of thing. Why and do are the same for all that it finds, with %s in do for what it is on.
type rule struct {
	code     string
	severity Severity
	why, do  string
	find     func(f *Facts, found func(on, what string, args ...any))
}

// Codes returns the codes of all rules, in their order.
func Codes() []string {
	codes := make([]string, len(rules))
	for i, r := range rules {
		codes[i] = r.code
	}
	return codes
}

// rules are all there are.
var rules = slices.Concat(serverRules, storeRules, logRules, fleetRules)

// Examine returns what the rules find in the facts, the worst first.
func Examine(f *Facts) []Finding {
	all := []Finding{}
	for _, r := range rules {
		r.find(f, func(on, what string, args ...any) {
			all = append(all, Finding{Code: r.code, Severity: r.severity, On: on, What: fmt.Sprintf(what, args...), Why: r.why, Do: strings.ReplaceAll(r.do, "%s", on)})
		})
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return slices.Index(Severities, a.Severity) - slices.Index(Severities, b.Severity)
	})
	return all
}
