package secret

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// DefaultEnv is what env: references may name unless the host's operator says otherwise.
const DefaultEnv = "MABUS_SECRET_*"

// Policy is what a host's operator allows the references of agents to reach. The zero value allows the variables of DefaultEnv, no
// file, and no secret of the namespace, since there is no key to open one with.
type Policy struct {
	// Env are names of variables; one that ends in * allows all names that begin so. DefaultEnv unless given.
	Env []string
	// Dirs are directories whose files may be read, by their absolute paths.
	Dirs []string
	// KeyFile holds the private keys that open the namespace's secrets.
	KeyFile string
}

// Check returns an invalid error for a policy that says nothing clear.
func (p *Policy) Check() error {
	for _, name := range p.Env {
		if !api.ValidEnvName(strings.TrimSuffix(name, "*")) {
			return api.Errorf(api.Invalid, "%.80q is no name of an environment variable, nor the beginning of one with * at its end", name).WithFields("secret-env")
		}
	}
	for _, dir := range p.Dirs {
		if !filepath.IsAbs(dir) || filepath.Clean(dir) == "/" {
			return api.Errorf(api.Invalid, "%.80q is no directory of secrets: give an absolute path, and not /", dir).WithFields("secret-dir")
		}
	}
	return nil
}

// allowsEnv tells whether a variable may be named.
func (p *Policy) allowsEnv(name string) bool {
	env := p.Env
	if len(env) == 0 {
		env = []string{DefaultEnv}
	}
	return slices.ContainsFunc(env, func(allowed string) bool {
		if begin, open := strings.CutSuffix(allowed, "*"); open {
			return strings.HasPrefix(name, begin)
		}
		return name == allowed
	})
}

// dirOf returns the allowed directory that a path lies below, and the rest of the path.
func (p *Policy) dirOf(path string) (dir, rest string, ok bool) {
	for _, dir := range p.Dirs {
		if rest, ok := strings.CutPrefix(path, strings.TrimSuffix(filepath.Clean(dir), "/")+"/"); ok {
			return dir, rest, true
		}
	}
	return "", "", false
}
