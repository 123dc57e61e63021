package api

import (
	"encoding/json"
	"strings"
)

// Bounds that every service applies before it looks at anything else.
const (
	MaxIDLength       = 64        // characters of an id, a type, a capability or a principal
	MaxCapabilities   = 64        // capabilities of one agent
	MaxTags           = 64        // tags of one agent or service
	MaxTagLength      = 128       // bytes of one tag
	MaxMetadata       = 64 << 10  // bytes of a metadata or config object
	MaxBulk           = 1000      // items of one bulk request
	MaxPage           = 1000      // items of one page
	DefaultPage       = 100       // items of a page when the request names no limit
	MaxPayload        = 256 << 20 // bytes of one message or task payload, by reference when above the server's limit
	MaxRequestAge     = 10 * 60   // seconds for which the answer to a request id is kept
	MaxConcurrency    = 10_000    // messages that one agent handles at once
	MaxMailbox        = 1_000_000 // messages that wait for one agent
	MaxAttempts       = 1_000     // attempts of one task
	MaxRequestTimeout = 3600      // seconds that a request may ask for
	MaxShutdown       = 600       // seconds that an agent may have for its end
)

// ValidID tells whether s can name an agent, a host, a type, a capability, a task or a principal: 1 to 64 characters of
// A-Z, a-z, 0-9, '_' and '-'.
func ValidID(s string) bool {
	if len(s) == 0 || len(s) > MaxIDLength {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// CheckID returns an invalid error that names the field unless ValidID(s).
func CheckID(field, s string) error {
	if s == "" {
		return Errorf(Invalid, "%s is required", field).WithReason(ReasonMissingFields).WithFields(field)
	}
	if !ValidID(s) {
		return Errorf(Invalid, "%s must be 1 to %d characters of A-Z, a-z, 0-9, '_' and '-'", field, MaxIDLength).WithFields(field)
	}
	return nil
}

// CheckOptionalID is CheckID for a field that may be empty.
func CheckOptionalID(field, s string) error {
	if s == "" {
		return nil
	}
	return CheckID(field, s)
}

func checkIDs(field string, ids []string, limit int) error {
	if len(ids) > limit {
		return Errorf(Invalid, "%s has %d entries, at most %d are allowed", field, len(ids), limit).WithFields(field)
	}
	for _, id := range ids {
		if !ValidID(id) {
			return Errorf(Invalid, "%s: %.80q is not 1 to %d characters of A-Z, a-z, 0-9, '_' and '-'", field, id, MaxIDLength).WithFields(field)
		}
	}
	return nil
}

func checkTags(field string, tags []string) error {
	if len(tags) > MaxTags {
		return Errorf(Invalid, "%s has %d entries, at most %d are allowed", field, len(tags), MaxTags).WithFields(field)
	}
	for _, t := range tags {
		if t == "" || len(t) > MaxTagLength || strings.ContainsFunc(t, func(r rune) bool { return r < 0x20 || r == 0x7f || r == 0xfffd }) {
			return Errorf(Invalid, "%s: a tag is 1 to %d bytes of printable text", field, MaxTagLength).WithFields(field)
		}
	}
	return nil
}

// checkObject accepts nothing, or a JSON object of at most MaxMetadata bytes.
func checkObject(field string, raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	if len(raw) > MaxMetadata {
		return Errorf(Invalid, "%s has %d bytes, at most %d are allowed", field, len(raw), MaxMetadata).WithFields(field)
	}
	if raw[0] != '{' {
		return Errorf(Invalid, "%s must be a JSON object", field).WithFields(field)
	}
	return nil
}

func checkPage(limit int) error {
	if limit < 0 || limit > MaxPage {
		return Errorf(Invalid, "limit must be 1 to %d, or left out for %d", MaxPage, DefaultPage).WithFields("limit")
	}
	return nil
}
