package backup

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

const maxMissing = 100_000 // messages that are kept in memory until they are in order

// complete reads what the reader may have run after in vain: all that has come until now, and of each subject that the stream had before and
// the file has not even so, the message that is the last now, asked of the leader. It has been overwritten all the time.
func (s *scan) complete(ctx context.Context) error {
	subjects, err := s.server.subjects(ctx, s.stream)
	if err != nil {
		return err
	}
	if err := s.readOn(ctx); err != nil {
		return err
	}
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", s.path, err)
	}
	have, err := s.have()
	if err != nil {
		return err
	}
	var missing []*entry
	for _, subject := range subjects {
		if have[key(subject)] {
			continue
		}
		e, err := s.server.get(ctx, s.stream, map[string]any{"last_by_subj": subject})
		if err != nil {
			return err
		}
		if e == nil || e.Seq <= s.seen { // it is gone, or was read and is gone
			continue
		}
		if missing = append(missing, e); len(missing) > maxMissing {
			return fmt.Errorf("%s is written to faster than it can be read: %w", s.stream, errSilent)
		}
	}
	slices.SortFunc(missing, func(a, b *entry) int { return cmp.Compare(a.Seq, b.Seq) })
	for len(missing) > 0 {
		// What stands before the next of them is read too: the file has all up to the last that is in it, as every chunk of an object.
		e, err := s.server.after(ctx, s.stream, s.seen+1)
		if err != nil {
			return err
		}
		if e == nil || e.Seq >= missing[0].Seq {
			e, missing = missing[0], missing[1:]
		}
		if err := s.take(e); err != nil {
			return err
		}
	}
	return nil
}

// readOn reads what stands in the stream up to what is its last now.
func (s *scan) readOn(ctx context.Context) error {
	i, err := s.server.stream(ctx, s.stream)
	if err != nil {
		return err
	}
	if i == nil {
		return fmt.Errorf("%s: %w", s.stream, errVanish)
	}
	r := s.server.read(s.stream, s.settings, max(s.cut, s.seen), i.State.Last)
	r.moves = false
	defer r.stop()
	for {
		e, err := r.next(ctx)
		if err != nil || e == nil {
			return err
		}
		if err := s.take(e); err != nil {
			return err
		}
	}
}

func key(subject string) [16]byte {
	sum := sha256.Sum256([]byte(subject))
	return [16]byte(sum[:16])
}

// have returns the subjects of what is in the file.
func (s *scan) have() (map[[16]byte]bool, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	have := map[[16]byte]bool{}
	for r := newEntries(f); ; {
		e, err := r.next()
		if errors.Is(err, io.ErrUnexpectedEOF) { // which it is, as long as it is written
			return have, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s again: %w", s.path, err)
		}
		have[key(e.Subject)] = true
	}
}

// subjects returns the subjects of a stream's messages.
func (s *server) subjects(ctx context.Context, stream string) ([]string, error) {
	var all []string
	for {
		var page struct {
			Total int `json:"total"`
			State struct {
				Subjects map[string]uint64 `json:"subjects"`
			} `json:"state"`
		}
		if err := s.ask(ctx, "STREAM.INFO."+stream, map[string]any{"subjects_filter": ">", "offset": len(all)}, &page); err != nil {
			return nil, fmt.Errorf("list what is in %s: %w", stream, err)
		}
		for subject := range page.State.Subjects {
			all = append(all, subject)
		}
		if len(page.State.Subjects) == 0 || len(all) >= page.Total {
			return all, nil
		}
	}
}
