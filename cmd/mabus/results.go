package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/codec"
)

// results is the file of outcomes.
type results struct {
	file *os.File
	w    *bufio.Writer
}

func newResults(path string) (*results, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("write the results: %w", err)
	}
	return &results{f, bufio.NewWriterSize(f, 1<<16)}, nil
}

func (r *results) add(o job.Outcome) error {
	line, err := codec.Marshal(o)
	if err == nil {
		_, err = r.w.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

// all reads the outcomes back, for the report.
func (r *results) all() ([]job.Outcome, error) {
	if err := r.w.Flush(); err != nil {
		return nil, fmt.Errorf("write the results: %w", err)
	}
	f, err := os.Open(r.file.Name())
	if err != nil {
		return nil, fmt.Errorf("read the results: %w", err)
	}
	defer func() { _ = f.Close() }()
	var all []job.Outcome
	dec := codec.NewReader(f)
	for {
		var o job.Outcome
		err := dec.Next(&o)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the results: %w", err)
		}
		all = append(all, o)
	}
}

func (r *results) close() error {
	if err := errors.Join(r.w.Flush(), r.file.Close()); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}
