package secret_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func wantError(t testing.TB, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Fatalf("got %v, want %s (%s)", err, code, reason)
	}
}

// stored is what the registry would keep of a request.
func stored(r *api.SecretSetRequest) *api.Secret {
	return &api.Secret{Name: r.Name, Key: r.Key, Sender: r.Sender, Box: r.Box}
}

func seal(t testing.TB, key, namespace, name, value string) *api.Secret {
	t.Helper()
	r, err := secret.Seal(key, namespace, name, []byte(value))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	return stored(r)
}
