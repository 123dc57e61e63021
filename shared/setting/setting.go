package setting

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

// loadTimeout bounds how long Open waits for a document that is there and does not come.
const loadTimeout = 2 * time.Second

// Setting is a section that is followed. It is safe for concurrent use.
type Setting[T any] struct {
	section  Section[T]
	base     *base
	follower *follower
	log      zerolog.Logger
	now      atomic.Pointer[resolved[T]]

	mu     sync.Mutex // one change after the other
	start  *resolved[T]
	open   bool // Open has returned: changes are told
	closed bool // Close has: none is taken up
	once   sync.Once
}

// Open begins to follow a section, which lasts until Close or until the connection is closed. It waits for the document if there is one;
// without a store, or a registry, it goes on at once. What the environment or a flag says and the section does not allow is invalid.
func Open[T any](ctx context.Context, conn *rpc.Conn, section Section[T], log zerolog.Logger) (*Setting[T], error) {
	s := &Setting[T]{section: section, log: log}
	b, err := s.section.prepare()
	if err != nil {
		return nil, err
	}
	s.base = b
	s.now.Store(s.section.resolve(b, tree.Object{}, nil))
	if s.follower, err = join(conn, s, log); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	s.follower.wait(ctx)
	s.apply(s.follower)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start, s.open = s.now.Load(), true
	return s, nil
}

// Current returns the settings that hold now. They are shared: do not change them.
func (s *Setting[T]) Current() *T { return s.now.Load().value }

// Age returns for how long changes may have been missed; a very long time when no document was ever seen.
func (s *Setting[T]) Age() time.Duration { return s.follower.age() }

// InForce returns the values that hold now, and where each is from.
func (s *Setting[T]) InForce() api.ConfigSectionInForce { return s.now.Load().inForce(s.base.name) }

// Close ends the following; what Current returns stays. No change is told when it has returned.
func (s *Setting[T]) Close() {
	s.once.Do(func() {
		s.follower.leave(s)
		s.mu.Lock() // the follower may be about to tell of a change, if other settings keep it
		defer s.mu.Unlock()
		s.closed = true
	})
}

// apply takes up the document as it now is.
func (s *Setting[T]) apply(f *follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, known := f.document() // within the lock, so that a newer one is never followed by an older one
	if !known || s.closed {
		return
	}
	stored, err := sectionOf(d, s.base.name)
	if err != nil {
		s.log.Error().Err(err).Str("section", s.base.name).Msg("what is stored is not obeyed")
		return
	}
	old := s.now.Load()
	next := s.section.resolve(s.base, stored, s.start)
	s.now.Store(next)
	for _, p := range next.problems {
		s.log.Warn().Str("path", p.Path).Str("why", p.Message).Msg("a stored setting is not obeyed")
	}
	if !s.open || tree.Equal(tree.Value{Object: old.values}, tree.Value{Object: next.values}) {
		return
	}
	s.log.Info().Str("section", s.base.name).Uint64("version", versionOf(d)).Msg("settings changed")
	if s.section.Changed != nil {
		s.section.Changed(old.value, next.value)
	}
}

func versionOf(d *api.ConfigDocument) uint64 {
	if d == nil {
		return 0
	}
	return d.Version
}

func sectionOf(d *api.ConfigDocument, name string) (tree.Object, error) {
	if d == nil {
		return tree.Object{}, nil
	}
	config, err := tree.ParseObject("", d.Config)
	if err != nil {
		return nil, err
	}
	if o := config[name].Object; o != nil {
		return o, nil
	}
	return tree.Object{}, nil
}

func (s *Setting[T]) registration() *api.ConfigRegisterRequest { return &s.base.register }
