package credential

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// ServerConfig says how a NATS server of its own is to be configured.
type ServerConfig struct {
	Listen        string // host:port for clients
	Monitor       string // host:port of NATS' monitoring; none unless given
	DataDir       string // JetStream's files and the accounts, as the server sees it
	Etc           string // what WriteServerConfig has written, as the server sees it
	Name          string // of the server, or a variable of its environment such as $NATS_NODE
	Cluster       string // a server of its own unless given
	ClusterListen string // host:port for the other servers
	Routes        []string
	NoAdvertise   bool
	SyncAlways    bool
	MaxStore      string // such as 1TB
	TLS           bool
	Operators     bool // write the credentials of operators too; no server or container needs them
}

// What goes into the configuration as it is must not end what stands around it.
var (
	plainWord = regexp.MustCompile(`^[A-Za-z0-9$_./:@\[\]-]{1,256}$`)
	variable  = regexp.MustCompile(`^\$[A-Za-z_][A-Za-z0-9_]*$`)
)

func (c *ServerConfig) validate() error {
	words := map[string]string{"listen": c.Listen, "data-dir": c.DataDir, "etc": c.Etc, "max-store": c.MaxStore}
	for field, v := range map[string]string{"monitor": c.Monitor, "server-name": c.Name, "cluster": c.Cluster} {
		if v != "" {
			words[field] = v
		}
	}
	if c.Cluster != "" {
		words["cluster-listen"] = c.ClusterListen
	}
	for i, r := range c.Routes {
		words[fmt.Sprintf("route %d", i+1)] = r
	}
	for _, field := range slices.Sorted(maps.Keys(words)) {
		if !plainWord.MatchString(words[field]) {
			return api.Errorf(api.Invalid, "%s: %.80q cannot stand in the configuration of a NATS server", field, words[field]).WithFields(field)
		}
	}
	if c.Cluster != "" && (c.Name == "" || len(c.Routes) == 0) {
		return api.Errorf(api.Invalid, "a cluster needs --server-name and --route").WithFields("server-name", "route")
	}
	return nil
}

// ServerConfig returns the text of a configuration. It holds no secret.
func (d *Directory) ServerConfig(c ServerConfig) (string, error) {
	if err := c.validate(); err != nil {
		return "", err
	}
	m, err := d.Material()
	if err != nil {
		return "", err
	}
	if c.TLS && !exists(ServerCertPath(d.path)) {
		return "", api.Errorf(api.FailedPrecondition, "%s has no certificates: make them with `mabus auth init --tls`", d.path)
	}
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	line("# Written by `mabus auth config`. There are no secrets in it.")
	if c.Name != "" {
		line("server_name: %s", word(c.Name))
	}
	line("listen: %q", c.Listen)
	if c.Monitor != "" {
		line("http: %q", c.Monitor)
	}
	line("# A client that is cut off without a word is given up after some 15 s, as its lease is.\nping_interval: \"5s\"\nping_max: 2\n")
	line("# Who may do what stands in the accounts, which the operator signs.\noperator: %s\nsystem_account: %s", m.Operator, m.System)
	line("# A server that was away asks the others, as often as this, for what has changed.")
	line("resolver: {\n  type: full\n  dir: %q\n  allow_delete: false\n  interval: %q\n}", c.DataDir+"/accounts", SyncInterval.String())
	line("# The system account never changes. The others are only what they were when this was written, so they are not here.")
	line("resolver_preload: {\n  %s: %s\n}\n", m.System, m.Accounts[m.System])
	line("jetstream: {\n  store_dir: %q\n  # Streams reserve their bounds, some 20 GB in all.\n  max_file_store: %s", c.DataDir, c.MaxStore)
	if c.SyncAlways {
		line("  sync_interval: always")
	}
	line("}")
	tls := fmt.Sprintf("{\n    cert_file: %q\n    key_file: %q\n    ca_file: %q\n", c.Etc+"/tls/server.pem", c.Etc+"/tls/server.key", c.Etc+"/tls/ca.pem")
	if c.TLS {
		line("\ntls: %s    timeout: 5\n}", tls)
	}
	if c.Cluster != "" {
		line("\ncluster: {\n  name: %s\n  listen: %q\n  routes: [%s]", word(c.Cluster), c.ClusterListen, strings.Join(c.Routes, ", "))
		line("  no_advertise: %t\n  ping_interval: \"5s\"\n  ping_max: 2", c.NoAdvertise)
		if c.TLS {
			line("  # Servers show their certificates to each other, and let in nobody else.\n  tls: %s    verify: true\n    timeout: 5\n  }", tls)
		}
		line("}")
	}
	return b.String(), nil
}

// word quotes a value unless it is a variable, which NATS looks up in its environment.
func word(v string) string {
	if variable.MatchString(v) {
		return v
	}
	return fmt.Sprintf("%q", v)
}

// Written are the files that WriteServerConfig has written, and those of an earlier time that it has removed.
type Written struct {
	Files   []string `json:"files"`
	Removed []string `json:"removed,omitempty"`
}

// WriteServerConfig writes a configuration and what it needs into a directory (0700), out of which a server's container is given parts:
// nats.conf, accounts/<public key>.jwt, tls/, and creds/<namespace>/<name>.creds of all who have valid credentials, of operators only if asked
// for. Other files of credentials there are removed: of those who were revoked since. The files inside are readable for the users of containers,
// which the directory keeps from everybody else.
func (d *Directory) WriteServerConfig(dir string, c ServerConfig) (*Written, error) {
	if inside(d.path, dir) {
		return nil, api.Errorf(api.Invalid, "%s is the auth directory, or in it: write to another", dir).WithFields("out")
	}
	text, err := d.ServerConfig(c)
	if err != nil {
		return nil, err
	}
	m, err := d.Material()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{filepath.Join(dir, "nats.conf"): []byte(text)}
	for public, token := range m.Accounts {
		files[filepath.Join(dir, "accounts", public+".jwt")] = []byte(token)
	}
	var sources []string
	if c.TLS {
		sources = append(sources, CAPath(d.path), ServerCertPath(d.path), ServerKeyPath(d.path))
	}
	for name := range m.Namespaces {
		users, err := d.List(name)
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			if u.Valid(d.now()) && (u.Kind != api.KindOperator || c.Operators) {
				sources = append(sources, d.CredentialsPath(name, u.Name))
			}
		}
	}
	for _, from := range sources {
		data, err := os.ReadFile(from)
		if err != nil {
			return nil, fmt.Errorf("write the server's configuration: %w", err)
		}
		rest, err := filepath.Rel(d.path, from)
		if err != nil {
			return nil, fmt.Errorf("write the server's configuration: %w", err)
		}
		files[filepath.Join(dir, rest)] = data
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("write the server's configuration: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, fmt.Errorf("write the server's configuration: %w", err)
	}
	for path, data := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, fmt.Errorf("write the server's configuration: %w", err)
		}
		if err := writeFile(path, data, 0o644); err != nil {
			return nil, err
		}
	}
	removed, err := removeStale(dir, files)
	return &Written{Files: slices.Sorted(maps.Keys(files)), Removed: removed}, err
}

// removeStale removes files of credentials that are not among those that were just written.
func removeStale(dir string, files map[string][]byte) (removed []string, err error) {
	there, err := filepath.Glob(filepath.Join(escape(dir), "creds", "*", "*.creds"))
	if err != nil {
		return nil, fmt.Errorf("remove old credentials: %w", err)
	}
	for _, path := range there {
		if _, ok := files[path]; ok {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, fmt.Errorf("remove old credentials: %w", err)
		}
		removed = append(removed, path)
	}
	return removed, nil
}

// escape makes a path a pattern that matches nothing else.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// inside tells whether a path is a directory or lies in it, as far as their names say.
func inside(dir, path string) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return false
	}
	rest, err := filepath.Rel(dir, path)
	return err == nil && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
}
