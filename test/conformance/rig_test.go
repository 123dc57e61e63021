package main_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mabus-project/mabus/shared/natstest"
)

// The tests of the SDKs in other languages need those languages, and are skipped where they are not installed.

var scratch string // a directory for what all tests share

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "conformance"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(natstest.Leaks()...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	_ = os.RemoveAll(scratch)
	os.Exit(code)
}

// worker returns the command of the conforming worker in a language, or skips the test.
func worker(t *testing.T, language string) []string {
	t.Helper()
	switch language {
	case "go":
		return []string{built(t, "go worker", buildGo)}
	case "python":
		return []string{need(t, "python3"), root(t, "test/conformance/workers/python/worker.py")}
	}
	return typescript(t, "worker.js")
}

// typescript returns the command of one of the compiled programs in TypeScript, or skips the test.
func typescript(t *testing.T, name string) []string {
	t.Helper()
	node := need(t, "node")
	need(t, "npm")
	if out, err := exec.CommandContext(t.Context(), node, "-p", "process.versions.node.split('.')[0]").Output(); err != nil || len(out) < 3 || string(out) < "20" {
		lacks(t, "Node.js is older than 20 here (%s), so what is written for it is not run", strings.TrimSpace(string(out)))
	}
	return []string{node, filepath.Join(built(t, "typescript", buildTypeScript), name)}
}

// lacks skips a test for which the machine lacks something, unless the environment says that nothing may be missing.
func lacks(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("MABUS_NEED_ALL") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func need(t *testing.T, tool string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		lacks(t, "%s is not installed here, so what is written for it is not run", tool)
	}
	return path
}

// root returns the absolute path of a file of the repository.
func root(t testing.TB, path string) string {
	t.Helper()
	abs, err := filepath.Abs(filepath.Join("../..", path))
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// skipped is why something cannot be built here through no fault of its own.
type skipped string

func (s skipped) Error() string { return string(s) }

type build struct {
	once sync.Once
	path string
	err  error
}

var (
	buildsMu sync.Mutex
	builds   = map[string]*build{}
)

// built builds something once for all tests.
func built(t *testing.T, what string, how func(t *testing.T, dir string) (string, error)) string {
	t.Helper()
	buildsMu.Lock()
	b := builds[what]
	if b == nil {
		b = &build{}
		builds[what] = b
	}
	buildsMu.Unlock()
	b.once.Do(func() {
		dir := filepath.Join(scratch, strings.ReplaceAll(what, " ", "-"))
		if b.err = os.Mkdir(dir, 0o755); b.err == nil {
			b.path, b.err = how(t, dir)
		}
	})
	if s, ok := b.err.(skipped); ok { //nolint:errorlint // it is returned as it is
		lacks(t, "%s", string(s))
	}
	if b.err != nil {
		t.Fatalf("build the %s: %v", what, b.err)
	}
	return b.path
}

func buildGo(t *testing.T, dir string) (string, error) {
	path := filepath.Join(dir, "worker")
	return path, run(t, ".", "go", "build", "-o", path, "./workers/go")
}

// install installs what client/typescript needs, unless it is there already, and compiles the package.
func install(t *testing.T) error {
	pkg := root(t, "client/typescript")
	lock, err := os.Stat(filepath.Join(pkg, "package-lock.json"))
	if err != nil {
		return err
	}
	mark := filepath.Join(pkg, "node_modules", ".package-lock.json") // npm writes it last
	if done, err := os.Stat(mark); err != nil || done.ModTime().Before(lock.ModTime()) {
		if err := run(t, pkg, "npm", "ci", "--no-audit", "--no-fund", "--fetch-retries", "1", "--fetch-timeout", "20000"); err != nil {
			for _, sign := range []string{"ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT", "ECONNREFUSED", "ECONNRESET", "ENOTCACHED", "ERR_SOCKET_TIMEOUT", "E403", "E50"} {
				if strings.Contains(err.Error(), sign) {
					return skipped("the npm registry cannot be reached, so what is written in TypeScript is not run: " + sign)
				}
			}
			return err
		}
	}
	return run(t, pkg, "npm", "run", "build")
}

// buildTypeScript compiles the worker of the kit and the examples against the package, as an author's project would.
func buildTypeScript(t *testing.T, dir string) (string, error) {
	if err := install(t); err != nil {
		return "", err
	}
	pkg := root(t, "client/typescript")
	for link, target := range map[string]string{"node_modules/@mabus/agent": pkg, "node_modules/@types": filepath.Join(pkg, "node_modules/@types")} {
		link = filepath.Join(dir, link)
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			return "", err
		}
		if err := os.Symlink(target, link); err != nil {
			return "", err
		}
	}
	sources, err := filepath.Glob(root(t, "examples/typescript/*.ts"))
	if err != nil {
		return "", err
	}
	own, err := filepath.Glob("workers/typescript/*.ts")
	if err != nil {
		return "", err
	}
	for _, from := range append(append(sources, own...), root(t, "examples/typescript/tsconfig.json")) {
		text, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(from)), text, 0o644); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type":"module"}`), 0o644); err != nil {
		return "", err
	}
	return filepath.Join(dir, "dist"), run(t, dir, filepath.Join(pkg, "node_modules/.bin/tsc"))
}

// run runs a command to its end. Its error holds what the command said.
func run(t *testing.T, dir, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
