// Package input finds the inputs of a job and reads them. It goes through files, folders, globs, *.jsonl files and the
// standard input one input at a time, and reads a file only when its payload is asked for: what it holds does not grow
// with the number of inputs, save for 16 bytes a name when there is more than one argument.
package input

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/api"
)

// Options say how inputs are found.
type Options struct {
	// MaxBytes bounds one input, in bytes; job.DefaultMaxInputBytes unless given.
	MaxBytes int64
	// Stdin is what the argument "-" reads.
	Stdin io.Reader
	// Match, if given, tells whether the job takes an input. Inputs that it does not take are yielded all the same; an
	// argument none of whose inputs it takes is an error.
	Match func(*job.Input) bool
}

// Item is one input that was found.
type Item struct {
	job.Input
	file  string          // where a file is read from
	value json.RawMessage // what a value is
	max   int64
}

// Expand yields the inputs that the arguments stand for, in the order of the arguments and by name within a folder; the
// same tree gives the same inputs in the same order. An argument is
//
//   - a file: one input. If its name ends in .jsonl, each line that is not blank is one input, a JSON value;
//   - a folder: every regular file below it. Folders named .git are passed by, and links are not followed;
//   - a glob, with ** for any number of folders: every regular file that matches;
//   - "-": the standard input, one JSON value per line.
//
// A path is relative to the folder when a folder is the only argument. With several arguments, paths begin with the
// argument, so that two folders may hold files of one name; a file that is reached twice is yielded once.
//
// An error is yielded in place of an input, with an Item that has its name as far as it is known; going on is up to the
// caller. Errors are *api.Errors: not_found for what does not exist, invalid for what is no input.
func Expand(args []string, opts Options) iter.Seq2[*Item, error] {
	if opts.MaxBytes <= 0 {
		opts.MaxBytes = job.DefaultMaxInputBytes
	}
	return func(yield func(*Item, error) bool) {
		if len(args) == 0 {
			yield(&Item{}, api.Errorf(api.Invalid, "name at least one input: a file, a folder, a glob, or - for the standard input"))
			return
		}
		x := &expansion{Options: opts, yield: yield, several: len(args) > 1}
		if x.several {
			x.seen = map[[16]byte]struct{}{}
		}
		for _, arg := range args {
			x.found, x.matched = 0, 0
			if !x.argument(arg) {
				return
			}
		}
	}
}

// expansion is one run through the arguments. Its methods return false when the caller wants no more.
type expansion struct {
	Options
	yield          func(*Item, error) bool
	several        bool
	seen           map[[16]byte]struct{} // hashes of the names so far, when there are several arguments
	found, matched int                   // inputs of the argument
}

func (x *expansion) argument(arg string) bool {
	if arg == "-" {
		if x.Stdin == nil {
			return x.fail(arg, api.Errorf(api.Invalid, "there is no standard input to read"))
		}
		return x.lines(x.Stdin, job.StdinPath) && x.settle(arg, "the standard input")
	}
	info, err := os.Stat(arg)
	switch {
	case err == nil && info.IsDir():
		return x.folder(arg) && x.settle(arg, "the folder")
	case err == nil:
		return x.file(filepath.ToSlash(filepath.Clean(arg)), arg, info) && x.settle(arg, "the file")
	case !errors.Is(err, fs.ErrNotExist) && !strings.ContainsAny(arg, "*?[{"):
		return x.fail(arg, readError(arg, err))
	case strings.ContainsAny(arg, "*?[{"):
		return x.glob(filepath.ToSlash(arg)) && x.settle(arg, "the glob")
	}
	return x.fail(arg, api.Errorf(api.NotFound, "%s: there is no such file or folder", arg))
}

// settle complains about an argument that brought nothing.
func (x *expansion) settle(arg, what string) bool {
	switch {
	case x.found == 0 && arg == "-":
		return x.fail(arg, api.Errorf(api.Invalid, "the standard input is empty: it must have one JSON value per line"))
	case x.found == 0:
		return x.fail(arg, api.Errorf(api.NotFound, "%s %s has no files to work on", what, arg))
	case x.Match != nil && x.matched == 0:
		return x.fail(arg, api.Errorf(api.Invalid, "none of the %d inputs of %s %s is taken by a step of the job; see include and exclude in its tasks", x.found, what, arg))
	}
	return true
}

func (x *expansion) fail(name string, err error) bool {
	x.found++ // what failed was there: it is not reported as empty too
	x.matched++
	return x.yield(&Item{Input: job.Input{Path: name}}, err)
}

// item yields one input.
func (x *expansion) item(it *Item) bool {
	if x.several {
		var key [16]byte
		sum := sha256.Sum256([]byte(it.Name()))
		copy(key[:], sum[:])
		if _, again := x.seen[key]; again {
			x.found++
			x.matched++
			return true
		}
		x.seen[key] = struct{}{}
	}
	x.found++
	if x.Match != nil && x.Match(&it.Input) {
		x.matched++
	}
	it.max = x.MaxBytes
	return x.yield(it, nil)
}

// file yields what one file stands for.
func (x *expansion) file(name, file string, info fs.FileInfo) bool {
	if !info.Mode().IsRegular() {
		return x.fail(name, api.Errorf(api.Invalid, "%s is not a regular file; pass - to read the standard input", file))
	}
	if !strings.HasSuffix(name, ".jsonl") {
		return x.item(&Item{Input: job.Input{Path: name, Kind: job.KindFile, Size: info.Size()}, file: file})
	}
	f, err := os.Open(file)
	if err != nil {
		return x.fail(name, readError(file, err))
	}
	defer f.Close()
	return x.lines(f, name)
}

func (x *expansion) folder(arg string) bool {
	more := true
	root := arg + string(filepath.Separator) // follows arg itself if it is a link
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		name := x.name(arg, file)
		switch {
		case err != nil:
			more = x.fail(name, readError(file, err))
		case d.IsDir() && d.Name() == ".git" && file != root:
			return fs.SkipDir
		case d.Type().IsRegular():
			more = x.entry(name, file, d)
		}
		if !more {
			return fs.SkipAll
		}
		return nil
	})
	return more && (err == nil || x.fail(arg, readError(arg, err)))
}

// entry is file for what a walk has found, which may be gone again.
func (x *expansion) entry(name, file string, d fs.DirEntry) bool {
	info, err := d.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		return x.fail(name, readError(file, err))
	}
	return x.file(name, file, info)
}

// name is how the file is called that was found below the folder arg.
func (x *expansion) name(arg, file string) string {
	if !x.several {
		if rel, err := filepath.Rel(arg, file); err == nil {
			file = rel
		}
	}
	return filepath.ToSlash(filepath.Clean(file))
}

// errStopped ends the walk of a glob, which knows no fs.SkipAll.
var errStopped = errors.New("stopped by the caller")

func (x *expansion) glob(pattern string) bool {
	if !doublestar.ValidatePattern(pattern) {
		return x.fail(pattern, api.Errorf(api.Invalid, "%s is neither a file nor a glob such as src/**/*.go", pattern))
	}
	base, rest := doublestar.SplitPattern(pattern)
	more := true
	err := doublestar.GlobWalk(os.DirFS(filepath.FromSlash(base)), rest, func(name string, d fs.DirEntry) error {
		if d.Type().IsRegular() && !strings.HasPrefix(name, ".git/") && !strings.Contains(name, "/.git/") {
			name = path.Join(base, name)
			more = x.entry(name, filepath.FromSlash(name), d)
		}
		if !more {
			return errStopped
		}
		return nil
	}, doublestar.WithNoFollow(), doublestar.WithFailOnIOErrors())
	if !more {
		return false
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return x.fail(pattern, readError(pattern, err))
	}
	return true
}

func readError(name string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	code := api.FailedPrecondition
	switch {
	case errors.Is(err, fs.ErrNotExist):
		code = api.NotFound
	case errors.Is(err, fs.ErrPermission):
		code = api.PermissionDenied
	}
	return api.Errorf(code, "%s cannot be read: %v", name, err)
}
