package roster

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// AgentTerms returns what an agent is found by.
func AgentTerms(a *api.Agent) []Term {
	terms := make([]Term, 0, 4+len(a.Capabilities)+len(a.Tags))
	terms = append(terms, Term{FieldType, a.Type}, Term{FieldStatus, string(a.Status)})
	terms = appendAll(terms, FieldCapability, a.Capabilities)
	terms = appendAll(terms, FieldTag, a.Tags)
	if a.Host != "" {
		terms = append(terms, Term{FieldHost, a.Host})
	}
	if lease := LivesBy(a); lease != "" {
		terms = append(terms, Term{FieldLease, lease})
	}
	return terms
}

// HostTerms returns what a host is found by.
func HostTerms(h *api.Host) []Term {
	terms := []Term{{FieldStatus, string(h.Status)}}
	terms = appendAll(terms, FieldModule, h.Modules)
	terms = appendAll(terms, FieldTag, h.Tags)
	if h.Status != api.HostDead {
		terms = append(terms, Term{FieldLease, h.Lease})
	}
	return terms
}

// ServiceTerms returns what an instance of a service is found by.
func ServiceTerms(s *api.Service) []Term {
	terms := []Term{{FieldStatus, string(s.Status)}, {FieldName, s.Name}}
	terms = appendAll(terms, FieldTag, s.Tags)
	if s.Status != api.HostDead && s.Lease != "" {
		terms = append(terms, Term{FieldLease, s.Lease})
	}
	return terms
}

// AgentFilter returns the terms that an agent of the list has.
func AgentFilter(r *api.AgentsListRequest) []Term {
	var terms []Term
	terms = appendGiven(terms, FieldType, r.Type)
	terms = appendGiven(terms, FieldStatus, string(r.Status))
	terms = appendGiven(terms, FieldHost, r.Host)
	terms = appendAll(terms, FieldCapability, r.Capabilities)
	return appendAll(terms, FieldTag, r.Tags)
}

// HostFilter returns the terms that a host of the list has.
func HostFilter(r *api.HostsListRequest) []Term {
	var terms []Term
	terms = appendGiven(terms, FieldStatus, string(r.Status))
	terms = appendGiven(terms, FieldModule, r.Module)
	return appendAll(terms, FieldTag, r.Tags)
}

// ServiceFilter returns the terms that an instance of the list has.
func ServiceFilter(r *api.ServicesListRequest) []Term {
	var terms []Term
	terms = appendGiven(terms, FieldStatus, string(r.Status))
	terms = appendGiven(terms, FieldName, r.Name)
	return appendAll(terms, FieldTag, r.Tags)
}

func appendGiven(terms []Term, f Field, value string) []Term {
	if value == "" {
		return terms
	}
	return append(terms, Term{f, value})
}

func appendAll(terms []Term, f Field, values []string) []Term {
	for _, v := range values {
		terms = append(terms, Term{f, v})
	}
	return terms
}

// Match tells whether something that is found by have meets every one of the wanted terms.
func Match(have, want []Term) bool {
	for _, t := range want {
		if !slices.Contains(have, t) {
			return false
		}
	}
	return true
}
