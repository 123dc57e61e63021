package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// readConfig is what the process that reads many streams is told.
type readConfig struct {
	URL       string       `json:"url"`
	Namespace string       `json:"namespace"`
	Streams   int          `json:"streams"`
	Every     api.Duration `json:"every"` // between two chunks of a stream
	Hold      api.Duration `json:"hold"`  // how long all are open
	Host      int          `json:"host"`  // process id
}

// readReport is what it has seen. Memory is in bytes, at its greatest less what it was before the first stream.
type readReport struct {
	Host     float64 `json:"host"`
	Reader   float64 `json:"reader"`
	Opened   float64 `json:"opened"` // seconds until all were open
	Chunks   int64   `json:"chunks"`
	Complete int64   `json:"complete"`
}

// opening is how many streams are opened at once.
const opening = 256

// beReader opens streams to one agent on the host, watches the memory while all are open, has the agent end them and makes
// sure that nothing is missing. It prints its report.
func beReader(ctx context.Context, cfg readConfig, out io.Writer) error {
	c, err := client.Connect(ctx, client.Options{URL: cfg.URL, Namespace: cfg.Namespace, Name: "mabus bench reader"})
	if err != nil {
		return err
	}
	defer c.Close()
	config := fmt.Appendf(nil, `{"every":%q}`, cfg.Every)
	for _, spec := range []api.AgentSpec{
		{ID: "ticker", Module: "bench-ticker", Config: config, Concurrency: cfg.Streams},
		{ID: "gate", Module: "bench-ticker", Config: config},
	} {
		if _, err := c.Agents.Start(ctx, api.AgentStartRequest{Agent: &spec}); err != nil {
			return fmt.Errorf("start agent %s: %w", spec.ID, err)
		}
	}
	debug.FreeOSMemory()
	watch := watched{pids: [2]int{cfg.Host, os.Getpid()}}
	if err := watch.begin(); err != nil {
		return err
	}
	report := readReport{}
	var chunks, complete atomic.Int64
	begin := time.Now()
	readers, readCtx := errgroup.WithContext(ctx)
	open := make(chan struct{}, cfg.Streams)
	turns := make(chan struct{}, opening)
	for range cfg.Streams {
		readers.Go(func() error {
			n, err := readAll(readCtx, c, turns, open)
			if err != nil {
				return err
			}
			chunks.Add(n)
			complete.Add(1)
			return nil
		})
	}
	for range cfg.Streams {
		select {
		case <-open:
		case <-readCtx.Done():
			return readers.Wait()
		}
	}
	report.Opened = time.Since(begin).Seconds()
	for end := time.Now().Add(cfg.Hold.Std()); ; work(max(cfg.Hold.Std()/20, time.Millisecond)) {
		if err := watch.look(); err != nil {
			return err
		}
		if time.Now().After(end) || readCtx.Err() != nil {
			break
		}
	}
	if err := c.Cast(ctx, "gate", nil); err != nil {
		return err
	}
	if err := readers.Wait(); err != nil {
		return err
	}
	report.Host, report.Reader = float64(watch.most[0]-watch.before[0]), float64(watch.most[1]-watch.before[1])
	report.Chunks, report.Complete = chunks.Load(), complete.Load()
	line, err := codec.Marshal(report)
	if err == nil {
		_, err = out.Write(append(line, '\n'))
	}
	return err
}

// readAll reads one stream to its end. Chunks come in order, and as many as the result says.
func readAll(ctx context.Context, c *client.Client, turns, open chan struct{}) (chunks int64, err error) {
	turns <- struct{}{}
	s, err := c.Stream(ctx, "ticker", nil)
	if err != nil {
		<-turns
		return 0, err
	}
	defer s.Close()
	for {
		p, err := s.Next()
		if chunks == 0 {
			<-turns
		}
		switch {
		case err != nil:
			return chunks, err
		case string(p.Body) != fmt.Sprint(chunks):
			return chunks, fmt.Errorf("the agent has sent %s %s after %d chunks", p.Kind, p.Body, chunks)
		case p.Kind == api.PartResult:
			return chunks, nil
		}
		if chunks++; chunks == 1 {
			open <- struct{}{}
		}
	}
}

// watched is the resident memory of two processes.
type watched struct {
	pids         [2]int
	before, most [2]int64
}

func (w *watched) begin() (err error) {
	for i, pid := range w.pids {
		if w.before[i], err = resident(pid); err != nil {
			return err
		}
	}
	return nil
}

func (w *watched) look() error {
	for i, pid := range w.pids {
		now, err := resident(pid)
		if err != nil {
			return err
		}
		w.most[i] = max(w.most[i], now)
	}
	return nil
}
