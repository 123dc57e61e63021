package main

import (
	"bytes"
	"cmp"
	"compress/flate"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// indexEntry is what the place of one block costs in the store's index: offset and length.
const indexEntry = 16

// settings are the configuration of a measurer.
type settings struct {
	Goroot string `json:"goroot"`
}

// question is what a search is about.
type question struct {
	Tree  string `json:"tree"`
	Reads int64  `json:"reads"`
}

// measurer is the kind of agent that evaluates candidates.
var measurer = agent.Module{
	Name: "measurer",
	Doc:  "Measures what files cost in compressed blocks.",
	New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		var s settings
		if err := codec.Decode(env.Spec.Config, &s); err != nil {
			return nil, err
		}
		return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) { return evaluate(ctx, s, m) }), nil
	},
}

func evaluate(ctx context.Context, s settings, m *agent.Message) (json.RawMessage, error) {
	q, ok := m.Question()
	if !ok {
		return nil, api.Errorf(api.Invalid, "a measurer answers the questions of a hyperparameter_search alone")
	}
	var about question
	var ask api.SearchAsk
	if err := codec.Decode(q.Question, &about); err != nil {
		return nil, err
	}
	if err := codec.Read(q.Ask, &ask); err != nil {
		return nil, err
	}
	c, err := readCandidate(ask.Config)
	if err != nil {
		return nil, err
	}
	names, err := list(s.Goroot, about.Tree)
	if err != nil {
		return nil, err
	}
	if ask.Budget != nil { // a part of the files, and as many of the reads
		some := sample(names, int(*ask.Budget/api.One))
		about.Reads = about.Reads * int64(len(some)) / int64(len(names))
		names = some
	}
	data, err := read(s.Goroot, names)
	if err != nil {
		return nil, err
	}
	bytes, err := cost(ctx, data, c, about.Reads)
	if err != nil {
		return nil, err
	}
	score := api.Decimal(bytes) * api.One
	return codec.Marshal(api.SearchAnswer{Score: &score})
}

// candidate is a way to keep files.
type candidate struct {
	block, level, dict int
}

func readCandidate(config map[string]json.RawMessage) (c candidate, err error) {
	for name, value := range map[string]*int{"block": &c.block, "level": &c.level, "dict": &c.dict} {
		if err := codec.Read(config[name], value); err != nil {
			return c, api.Errorf(api.Invalid, "the candidate needs a whole number %s: %v", name, err).WithFields(name)
		}
	}
	if c.block < 1 || c.dict < 0 {
		return c, api.Errorf(api.Invalid, "blocks of %d bytes with a dictionary of %d cannot be made", c.block, c.dict).WithFields("block", "dict")
	}
	return c, nil
}

// cost is what it takes in bytes to store the data, and to read so many blocks of it, each at the mean compressed size. Larger blocks
// compress better, and cost more to read; so does a dictionary the other way round, which is stored once.
func cost(ctx context.Context, data []byte, c candidate, reads int64) (int64, error) {
	dict := data[:min(c.dict, len(data))]
	var packed bytes.Buffer
	w, err := flate.NewWriterDict(&packed, c.level, dict)
	if err != nil {
		return 0, api.Errorf(api.Invalid, "level %d: %v", c.level, err).WithFields("level")
	}
	var sum, blocks int64
	for block := range slices.Chunk(data, c.block) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		packed.Reset()
		w.Reset(&packed)
		if _, err := w.Write(block); err != nil {
			return 0, err
		}
		if err := w.Close(); err != nil {
			return 0, err
		}
		sum += int64(packed.Len())
		blocks++
	}
	if blocks == 0 {
		return 0, api.Errorf(api.FailedPrecondition, "there is nothing to keep")
	}
	return sum + blocks*indexEntry + int64(len(dict)) + reads*sum/blocks, nil
}

// list returns the Go files of a directory of Go's tree, in the order of their names.
func list(goroot, tree string) ([]string, error) {
	var names []string
	err := fs.WalkDir(os.DirFS(goroot), tree, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "testdata":
			return fs.SkipDir
		case d.Type().IsRegular() && path.Ext(name) == ".go":
			names = append(names, name)
		}
		return nil
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("there are no Go files in %s of %s", tree, goroot)
	}
	slices.SortFunc(names, cmp.Compare[string])
	return names, err
}

// sample returns n of the names, spread evenly.
func sample(names []string, n int) []string {
	n = min(max(1, n), len(names))
	some := make([]string, n)
	for i := range some {
		some[i] = names[i*len(names)/n]
	}
	return some
}

func read(goroot string, names []string) ([]byte, error) {
	var all []byte
	tree := os.DirFS(goroot)
	for _, name := range names {
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, err
		}
		all = append(all, data...)
	}
	return all, nil
}
