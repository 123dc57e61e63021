package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mabus-project/mabus/shared/rpc"
)

// Market describes a run of auctions: beside the Config, of which it uses Seed, Nodes, Program, Self, Dir and Log.
type Market struct {
	Config
	// Auctions are held at least, and as many processes are killed at least: of the economics service, and NATS nodes.
	Auctions, Kills int
	// Sellers hold auctions at the same time.
	Sellers int
}

// Trade is what came of it.
type Trade struct {
	// Auctions have ended, Sold of them with a winner; Bids were granted, Asked requests made, Again of them once more.
	Auctions, Sold, Bids, Asked, Again int64
	// Kills were of replicas and of nodes.
	Replicas, Nodes int
	// Took is how long the auctions and kills took, Pause the longest time without any answer.
	Took, Pause time.Duration
	// Err is what was promised and did not hold, or what kept the run from its end.
	Err error
}

// economists are the replicas of the service.
var economists = []service{{"economics0", "economics"}, {"economics1", "economics"}, {"economics2", "economics"}}

const answerTime = 90 * time.Second // within which every request has an answer, however often it is repeated

// RunMarket holds auctions while processes are killed, and checks what each came to, and what everybody has in the end. All that it
// started has ended when it returns.
func RunMarket(ctx context.Context, cfg Market) *Trade {
	t := &Trade{}
	t.Err = t.run(ctx, cfg)
	return t
}

func (t *Trade) run(ctx context.Context, cfg Market) error {
	w, err := startWorld(ctx, cfg.Config, economists)
	defer w.close()
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	conn, err := rpc.Dial(ctx, rpc.Options{URL: w.members["caller"].url(), Name: "traders", Wait: true})
	if err != nil {
		return err
	}
	defer conn.Close()
	b := &bank{w: w, conn: conn, cfg: cfg}
	b.heard.Store(time.Now().UnixNano())
	if err := b.open(ctx); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	begin := time.Now()
	b.pause.Store(0)
	busy, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for n := range cfg.Sellers {
		all.Go(func() {
			if err := b.sell(busy, n); err != nil {
				stop(fmt.Errorf("seller %d: %w", n, err))
			}
		})
	}
	err = w.killAll(busy, cfg, b, t)
	b.killed.Store(true)
	all.Wait()
	t.Took, t.Pause = time.Since(begin), time.Duration(b.pause.Load())
	t.Auctions, t.Sold, t.Bids, t.Asked, t.Again = b.ended.Load(), b.sold.Load(), b.bids.Load(), b.asked.Load(), b.again.Load()
	if cause := context.Cause(busy); cause != nil {
		err = errors.Join(cause, err)
	}
	if err == nil {
		err = b.balance(ctx)
	}
	if err == nil {
		last, cancel := context.WithTimeout(ctx, healTime)
		defer cancel()
		err = w.ready(last)
	}
	return errors.Join(err, w.logs())
}

// killAll kills one process after the other, spread over the auctions, each for a while: of the nodes never two at once.
func (w *world) killAll(ctx context.Context, cfg Market, b *bank, t *Trade) error {
	rng := rand.New(rand.NewPCG(cfg.Seed, 0xc4a05))
	var starts, nodes sync.Mutex
	var down [3]atomic.Bool // replicas that are being killed
	var failed atomic.Pointer[error]
	var running sync.WaitGroup
	for n := range cfg.Kills {
		due := (int64(n) + 1) * int64(cfg.Auctions) / int64(cfg.Kills+1)
		due -= rng.Int64N(int64(max(cfg.Auctions/(cfg.Kills+1)/2, 1)))
		atNode, which, length := rng.IntN(5) == 0, rng.IntN(len(economists)), 20*time.Millisecond+rand64(rng, 1500*time.Millisecond)
		for b.ended.Load() < due && ctx.Err() == nil {
			rest(ctx, 2*time.Millisecond)
		}
		for !atNode && down[which].Load() && ctx.Err() == nil {
			rest(ctx, 2*time.Millisecond)
		}
		if ctx.Err() != nil || failed.Load() != nil {
			break
		}
		p := w.members[economists[which].name].process
		if atNode {
			nodes.Lock() // until it runs again
			p = w.nodes[rng.IntN(len(w.nodes))]
			t.Nodes++
		} else {
			down[which].Store(true)
			t.Replicas++
		}
		cfg.Log("auction %d: %s is killed for %s", b.ended.Load(), p.name, length)
		p.signal(syscall.SIGKILL)
		running.Go(func() {
			p.kill()
			rest(ctx, length)
			starts.Lock()
			err := p.start()
			starts.Unlock()
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
			if atNode {
				if len(w.nodes) > 1 { // so that the others are not killed before it has what they have
					rest(ctx, 2*time.Second)
				}
				nodes.Unlock()
			} else {
				down[which].Store(false)
			}
		})
	}
	running.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
