package kv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// maxRequestAhead is how far in the future the time of a request id may lie. It must be less than requestsTTL, so that the
// id is too old by the time its entry is forgotten.
const maxRequestAhead = time.Hour

// Derive returns the cause of item i of a bulk request.
func Derive(c api.Cause, i int) api.Cause {
	if c.RequestID != "" {
		c.RequestID += "." + strconv.Itoa(i)
		c.BodyHash += "." + strconv.Itoa(i)
	}
	return c
}

// requestKey returns the key of a request's entry. No id has a '=', so nothing that a caller sends can mean the entry of
// another.
func requestKey(service string, c api.Cause) string {
	principal := "="
	if c.Principal != "" {
		principal = keyPart(c.Principal)
	}
	return service + "." + principal + "." + keyPart(c.RequestID)
}

func keyPart(s string) string {
	if api.ValidID(s) {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return "=" + hex.EncodeToString(sum[:20])
}

// checkAge refuses a request id that is a UUIDv7 and older than answers are kept: its entry may be forgotten.
func (r *Requests) checkAge(ctx context.Context, id string) error {
	base, _, _ := strings.Cut(id, ".")
	made, ok := uuidTime(base)
	if !ok {
		return nil
	}
	now, err := r.bucket.Now(ctx)
	if err != nil {
		return err
	}
	if now.Sub(made) > maxRequestAge {
		return expired()
	}
	if made.Sub(now) > maxRequestAhead {
		return api.Errorf(api.Invalid, "the request id is a UUIDv7 of a time to come: set your clock").WithFields(api.HeaderRequestID)
	}
	return nil
}

// uuidTime returns the time within a UUIDv7 in its usual form.
func uuidTime(s string) (time.Time, bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' || s[14] != '7' {
		return time.Time{}, false
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(raw) != 16 || raw[8]>>6 != 2 {
		return time.Time{}, false
	}
	var ms int64
	for _, b := range raw[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms), true
}
