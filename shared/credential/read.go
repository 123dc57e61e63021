package credential

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/jwt/v2"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/authz"
)

// Identity is whom credentials are for.
type Identity struct {
	Name string
	Kind api.Kind // empty for credentials that Mabus has not made
}

// IdentityIn reads a user's JWT. What it says is decided by the server: it serves to know what to ask for.
func IdentityIn(token string) (Identity, error) {
	claims, err := jwt.DecodeUserClaims(token)
	if err != nil {
		return Identity{}, fmt.Errorf("read credentials: %w", err)
	}
	id := Identity{Name: claims.Name}
	for _, tag := range claims.Tags {
		if k, ok := strings.CutPrefix(tag, authz.KindTag+":"); ok {
			id.Kind = api.Kind(k)
		}
	}
	return id, nil
}

// NameIn returns the principal that a credentials file is for, or nobody if Mabus has not made it.
func NameIn(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read credentials: %w", err)
	}
	token, err := jwt.ParseDecoratedJWT(data)
	if err != nil || token == "" {
		return "", errors.Join(fmt.Errorf("%s is no credentials file", path), err)
	}
	id, err := IdentityIn(token)
	if err != nil || id.Kind == "" {
		return "", nil //nolint:nilerr // Others' credentials are theirs to understand.
	}
	return id.Name, nil
}
