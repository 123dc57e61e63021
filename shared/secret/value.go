package secret

import (
	"fmt"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// Hidden stands where a secret was taken out.
const Hidden = "***"

// Value is an open secret. It prints as ***, in every format and in JSON. Go copies what it moves and its strings cannot be overwritten,
// so Wipe shortens the life of a value, but proves nothing.
type Value struct{ raw []byte }

// NewValue returns a value that owns raw.
func NewValue(raw []byte) *Value { return &Value{raw} }

// Bytes returns the value, which is still the value's own.
func (v *Value) Bytes() []byte { return v.raw }

// Wipe overwrites the value, which is empty from then on.
func (v *Value) Wipe() {
	clear(v.raw)
	v.raw = nil
}

// Format implements fmt.Formatter.
func (v *Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Hidden)) }

// MarshalJSON implements json.Marshaler.
func (v *Value) MarshalJSON() ([]byte, error) { return []byte(`"` + Hidden + `"`), nil }

// Env returns the value as a variable of an environment takes it: secret_unreadable for one with a NUL.
func (v *Value) Env(ref api.SecretRef) (string, error) {
	if strings.IndexByte(string(v.raw), 0) >= 0 {
		return "", unreadable("%s holds a NUL, which no environment variable can: use a name that ends in _FILE", ref)
	}
	return string(v.raw), nil
}

func notFound(format string, args ...any) *api.Error {
	return api.Errorf(api.NotFound, format, args...).WithReason(api.ReasonSecretNotFound)
}

func unreadable(format string, args ...any) *api.Error {
	return api.Errorf(api.FailedPrecondition, format, args...).WithReason(api.ReasonSecretUnreadable)
}

func notAllowed(format string, args ...any) *api.Error {
	return api.Errorf(api.PermissionDenied, format, args...).WithReason(api.ReasonSecretNotAllowed)
}
