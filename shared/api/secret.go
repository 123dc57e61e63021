package api

import (
	"encoding/base64"
	"path"
	"strings"
	"time"
)

// Bounds of secrets.
const (
	MaxSecrets      = 1000     // secrets of a namespace
	MaxSecretValue  = 32 << 10 // bytes of a value
	MaxSecretKeys   = 8        // keys of a namespace at once: one to seal to, and those that are being replaced
	MaxAgentSecrets = 32       // secrets of one agent
	MaxSecretPath   = 4096     // bytes of the path of a file: reference
	MaxEnvName      = 128      // characters of the name of an environment variable

	maxSecretBox = 48 << 10 // characters: base64 of the value, what binds it to its name, and 70 bytes of the sealing
	curveKeySize = 56       // characters of a public key as package nkeys writes it
)

// Reasons of secrets.
const (
	ReasonSecretNotFound   = "secret_not_found"   // not_found: no such secret, variable or file
	ReasonSecretUnreadable = "secret_unreadable"  // failed_precondition: the host has no key that opens it, or the value is not what it is used as
	ReasonSecretNotAllowed = "secret_not_allowed" // permission_denied: the host's operator does not allow the reference
	ReasonSecretKeyChanged = "secret_key_changed" // conflict: it is sealed to another key than the namespace's present one
	ReasonSecretKeyMissing = "secret_key_missing" // failed_precondition: the namespace has no key yet
	ReasonSecretKeyUnknown = "secret_key_unknown" // not_found
	ReasonSecretKeyInUse   = "secret_key_in_use"  // failed_precondition: it is the present one, or a secret is sealed to it
	ReasonTooManySecrets   = "too_many_secrets"   // overloaded: secrets or keys
)

// SecretRef says where a secret is, and is never the secret: env:NAME, a variable of the agent host's environment; file:/path, a file
// of the host; secret:NAME, the namespace's secret of that name. What a host allows is its operator's to say.
type SecretRef string

// SecretSource is where a reference leads.
type SecretSource string

// The sources.
const (
	SecretEnv    SecretSource = "env"
	SecretFile   SecretSource = "file"
	SecretStored SecretSource = "secret"
)

// Split returns where the reference leads, and the name or path there. ok is false for what is no reference.
func (r SecretRef) Split() (from SecretSource, name string, ok bool) {
	scheme, name, _ := strings.Cut(string(r), ":")
	switch from = SecretSource(scheme); from {
	case SecretEnv:
		ok = ValidEnvName(name)
	case SecretFile:
		ok = len(name) <= MaxSecretPath && path.IsAbs(name) && path.Clean(name) == name && name != "/" && !strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f })
	case SecretStored:
		ok = ValidID(name)
	}
	if !ok {
		return "", "", false
	}
	return from, name, true
}

// ValidEnvName tells whether s is the name of an environment variable: letters, digits and '_', not a digit first.
func ValidEnvName(s string) bool {
	if s == "" || len(s) > MaxEnvName || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_'
	})
}

// checkSecretRef does not repeat what it refuses: it may be the secret itself, put where a reference belongs.
func checkSecretRef(field string, r SecretRef) error {
	if _, _, ok := r.Split(); !ok {
		return Errorf(Invalid, "%s must be a reference, env:NAME, file:/absolute/path or secret:NAME, and never the secret itself", field).WithFields(field)
	}
	return nil
}

// checkAgentSecrets checks what an exec agent needs: names of its environment, and references.
func checkAgentSecrets(secrets map[string]SecretRef, env map[string]string) error {
	if len(secrets) > MaxAgentSecrets {
		return Errorf(Invalid, "secrets has %d entries, at most %d are allowed", len(secrets), MaxAgentSecrets).WithFields("secrets")
	}
	for name, ref := range secrets {
		if !ValidEnvName(name) {
			return Errorf(Invalid, "secrets: %.80q is no name of an environment variable", name).WithFields("secrets")
		}
		if _, twice := env[name]; twice {
			return Errorf(Invalid, "%s is both in env and in secrets: keep it in secrets", name).WithFields("secrets")
		}
		if err := checkSecretRef("secrets", ref); err != nil {
			return err
		}
	}
	return nil
}

// Secret is a secret of the namespace as the registry keeps it: sealed by whoever set it, to be opened by hosts alone.
type Secret struct {
	Name string `json:"name"`
	// Key is the public key that it is sealed to.
	Key string `json:"key"`
	// Sender is the public half of the key pair that was made for this one sealing.
	Sender string `json:"sender,omitempty"`
	// Box is the sealed value in base64, as xkv1 of nkeys: X25519 and XSalsa20-Poly1305 (NaCl box). Namespace and name are sealed
	// in with it. Box and Sender are left out where only is told what there is.
	Box string `json:"box,omitempty"`
	// Version counts how often it was set.
	Version   int       `json:"version"`
	ChangedAt time.Time `json:"changed_at"`
	// ChangedBy is the principal who set it.
	ChangedBy string `json:"changed_by,omitempty"`
	Revision  string `json:"revision,omitempty"`
}

// SecretKey is a key that secrets are sealed to, by its public half.
type SecretKey struct {
	Key     string    `json:"key"`
	AddedAt time.Time `json:"added_at"`
	AddedBy string    `json:"added_by,omitempty"`
}

// SecretSetRequest sets a secret.
type SecretSetRequest struct {
	Name   string `json:"name"`
	Key    string `json:"key"`
	Sender string `json:"sender"`
	Box    string `json:"box"`
	// Version is the one that the secret must have now, 0 for one that must be new; any unless given.
	Version *int `json:"version,omitempty"`
}

// Validate implements Validator.
func (r *SecretSetRequest) Validate() error {
	if err := CheckID("name", r.Name); err != nil {
		return err
	}
	if err := checkCurveKey("key", r.Key); err != nil {
		return err
	}
	if err := checkCurveKey("sender", r.Sender); err != nil {
		return err
	}
	if r.Version != nil && *r.Version < 0 {
		return Errorf(Invalid, "version must not be negative").WithFields("version")
	}
	if len(r.Box) > maxSecretBox {
		return Errorf(Invalid, "the secret is too large: a value has at most %d bytes", MaxSecretValue).WithReason(ReasonPayloadTooLarge).WithFields("box")
	}
	if raw, err := base64.StdEncoding.Strict().DecodeString(r.Box); err != nil || len(raw) == 0 {
		return Errorf(Invalid, "box must be the sealed value in base64: never send a value that is not sealed").WithFields("box")
	}
	return nil
}

// checkCurveKey checks the form of a public key; that its checksum is right, the registry checks.
func checkCurveKey(field, key string) error {
	if len(key) != curveKeySize || key[0] != 'X' || strings.ContainsFunc(key, func(c rune) bool { return (c < 'A' || c > 'Z') && (c < '2' || c > '7') }) {
		return Errorf(Invalid, "%s must be a public curve key, %d characters that begin with X, and never a seed", field, curveKeySize).WithFields(field)
	}
	return nil
}

// SecretsListRequest asks for a page of secrets, without what is sealed.
type SecretsListRequest struct {
	// Key leaves only those that are sealed to it.
	Key         string `json:"key,omitempty"`
	Cursor      string `json:"cursor,omitempty"`
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *SecretsListRequest) Validate() error {
	if r.Key != "" {
		if err := checkCurveKey("key", r.Key); err != nil {
			return err
		}
	}
	if err := CheckOptionalID("cursor", r.Cursor); err != nil {
		return err
	}
	return checkPage(r.Limit)
}

// SecretsListResponse is a page of secrets in the order of their names.
type SecretsListResponse struct {
	Secrets  []Secret `json:"secrets"`
	Next     string   `json:"next,omitempty"`
	Revision string   `json:"revision,omitempty"`
}
