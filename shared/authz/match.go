package authz

import "strings"

// As fills a template in for one principal, as NATS does.
func (p Permissions) As(principal string, capabilities ...string) Permissions {
	return Permissions{Publish: p.Publish.as(principal, capabilities), Subscribe: p.Subscribe.as(principal, capabilities)}
}

func (r Rules) as(principal string, capabilities []string) Rules {
	return Rules{Allow: fill(r.Allow, principal, capabilities), Deny: fill(r.Deny, principal, capabilities)}
}

func fill(patterns []string, principal string, capabilities []string) []string {
	var out []string
	for _, p := range patterns {
		p = strings.ReplaceAll(p, name, principal)
		if !strings.Contains(p, capability) {
			out = append(out, p)
			continue
		}
		for _, c := range capabilities {
			out = append(out, strings.ReplaceAll(p, capability, c))
		}
	}
	return out
}

// Permit tells whether a message may be published on, or reaches a subscriber by, a subject: one without wildcards.
func (r Rules) Permit(subject string) bool {
	return (len(r.Allow) == 0 || anyMatch(r.Allow, subject)) && !anyMatch(r.Deny, subject)
}

// PermitAll tells whether all of a pattern may be subscribed to. What a denial takes from it is left out of what is delivered.
func (r Rules) PermitAll(pattern string) bool {
	return (len(r.Allow) == 0 || anyMatch(r.Allow, pattern)) && !anyMatch(r.Deny, pattern)
}

func anyMatch(patterns []string, subject string) bool {
	for _, p := range patterns {
		if Match(p, subject) {
			return true
		}
	}
	return false
}

// Match tells whether a pattern covers a subject, which may be a pattern itself: "*" is one token, ">" at the end is one or more.
func Match(pattern, subject string) bool {
	for {
		p, restP, moreP := strings.Cut(pattern, ".")
		s, restS, moreS := strings.Cut(subject, ".")
		switch {
		case p == ">" && !moreP:
			return true
		case s == ">" && !moreS:
			return false
		case p != "*" && p != s:
			return false
		case !moreP || !moreS:
			return moreP == moreS
		}
		pattern, subject = restP, restS
	}
}
