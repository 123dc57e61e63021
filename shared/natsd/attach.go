package natsd

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Handle is a server to work with: one of this process, or the one of the process that owns the data directory.
type Handle struct {
	url   string
	owned *Server
}

// URL returns where clients on this machine connect.
func (h *Handle) URL() string { return h.url }

// Owned tells whether the server runs in this process, so that it ends with it.
func (h *Handle) Owned() bool { return h.owned != nil }

// Stop ends the server if it is owned and else does nothing. It may be called more than once.
func (h *Handle) Stop() {
	if h.owned != nil {
		h.owned.Stop()
	}
}

// StartOrAttach starts a server on cfg.DataDir, or finds the one that another process already runs there; in that case the
// rest of cfg has no effect. While the owner is starting or stopping it waits, and takes over when the owner is gone; ctx
// bounds the wait.
func StartOrAttach(ctx context.Context, cfg Config) (*Handle, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := Start(ctx, cfg)
		if err == nil {
			return &Handle{url: s.URL(), owned: s}, nil
		}
		if !errors.Is(err, ErrInUse) {
			return nil, err
		}
		n, err := readNote(cfg.DataDir)
		if err == nil {
			err = n.answers(ctx)
		}
		if err == nil {
			return &Handle{url: n.URL}, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another process has %s open but its server does not answer (%w): %w",
				cfg.DataDir, err, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// Find returns the URL of the server that some process runs on a data directory now; "" if there is none.
func Find(ctx context.Context, dir string) string {
	n, err := readNote(dir)
	if err != nil || n.answers(ctx) != nil {
		return ""
	}
	return n.URL
}
