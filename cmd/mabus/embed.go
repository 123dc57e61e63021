package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mabus-project/mabus/shared/natsd"
)

const (
	embedTime = time.Minute            // to start, or to find who has the data directory
	lookEvery = 250 * time.Millisecond // whether the owner of the data directory is still there
)

// server is a NATS server that this process has started, and how to end it.
type server struct {
	url  string
	stop func()
}

// embedded is the NATS server of a data directory: this process's own, or that of another process, whose place this one
// takes when it ends, on the same port, so that clients find it again.
type embedded struct {
	cfg     natsd.Config
	url     string
	onOwned func()

	quit context.CancelFunc
	done sync.WaitGroup
	mu   sync.Mutex
	own  *natsd.Handle
}

// embed starts or finds the server. onOwned is called when this process has become its owner later on.
func embed(ctx context.Context, cfg natsd.Config, onOwned func()) (*embedded, error) {
	wait, cancel := context.WithTimeout(ctx, embedTime)
	defer cancel()
	h, err := natsd.StartOrAttach(wait, cfg)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("another program has the port %d of %s, where the embedded NATS is to listen: choose another port with --port (0 for a free one), or join the NATS server that is there with --server",
			cfg.Port, cmp.Or(cfg.Host, "127.0.0.1"))
	}
	if err != nil {
		return nil, err
	}
	e := &embedded{cfg: cfg, url: h.URL(), onOwned: onOwned}
	follow, quit := context.WithCancel(context.WithoutCancel(ctx)) // until it is closed, also when ctx has ended
	e.quit = quit
	if h.Owned() {
		e.own = h
		return e, nil
	}
	if e.cfg.Port, err = portOf(h.URL()); err != nil {
		quit()
		return nil, err
	}
	e.done.Go(func() { e.follow(follow) })
	return e, nil
}

// owned tells whether the server runs in this process.
func (e *embedded) owned() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.own != nil
}

// follow waits for the end of the owner and takes its place.
func (e *embedded) follow(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	warned := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if natsd.Find(ctx, e.cfg.DataDir) != "" {
			continue
		}
		wait, cancel := context.WithTimeout(ctx, embedTime)
		h, err := natsd.StartOrAttach(wait, e.cfg)
		cancel()
		switch {
		case ctx.Err() != nil && err != nil:
			return
		case err != nil && !warned:
			warned = true
			e.cfg.Log.Warn().Err(err).Msg("the process that ran NATS has ended and its place cannot be taken: trying on")
		case err == nil && h.Owned():
			e.mu.Lock()
			e.own = h
			e.mu.Unlock()
			e.cfg.Log.Info().Str("nats", h.URL()).Msg("the process that ran NATS has ended: running it here")
			if e.onOwned != nil {
				e.onOwned()
			}
			return
		}
	}
}

// detach stops looking for the owner: who owns the server then stays so.
func (e *embedded) detach() {
	e.quit()
	e.done.Wait()
}

// close ends the server if it is this process's own.
func (e *embedded) close() {
	e.detach()
	if e.own != nil {
		e.own.Stop()
	}
}

func portOf(raw string) (int, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return 0, fmt.Errorf("the address of NATS: %w", err)
	}
	return strconv.Atoi(u.Port())
}

// redact hides passwords in the URLs of servers, with commas between.
func redact(raw string) string {
	list := strings.Split(raw, ",")
	for i, part := range list {
		if u, err := url.Parse(strings.TrimSpace(part)); err == nil {
			list[i] = u.Redacted()
		} else {
			list[i] = "(not a URL)"
		}
	}
	return strings.Join(list, ",")
}
