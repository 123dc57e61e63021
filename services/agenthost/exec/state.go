package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	// maxSaves is how many saves of a worker may be open at once.
	maxSaves = 16
	// MaxState is how many bytes the state of a worker may have.
	MaxState = 16 << 20
)

// save is a state on its way to the store: in a save frame with an id, or the last one, which the worker was asked for.
type save struct {
	id   string
	data json.RawMessage
	last context.Context // of the last one: its worker may end before it is stored
}

// takeSave queues a state that the worker wants kept. It returns false when the worker is to be given up.
func (p *Process) takeSave(f *inbound) bool {
	switch {
	case f.ID == "" || len(f.ID) > maxCallID:
		p.oddity().Msg("ignored a save of the worker whose id is missing or too long, so that it cannot be answered")
		return true
	case p.opt.Save == nil:
		return p.refuse(reply, f.ID, api.Errorf(api.Unimplemented, "this host keeps no state of its agents"))
	case len(f.Payload) > MaxState:
		return p.refuse(reply, f.ID, stateTooLarge(len(f.Payload)))
	case len(p.saves) >= maxSaves: // nobody else puts any in
		return p.refuse(reply, f.ID, api.Errorf(api.Overloaded, "%d saves are open; wait for a reply before the next", maxSaves).WithReason(api.ReasonMailboxFull))
	}
	p.enqueueSave(save{id: f.ID, data: body(f)})
	return true
}

// takeState queues the state that the worker was asked for.
func (p *Process) takeState(f *inbound) {
	p.mu.Lock()
	asked, last := p.asked, p.parting
	p.asked = false
	p.mu.Unlock()
	switch {
	case !asked:
		p.oddity().Msg("ignored a state of the worker, which was not asked for one")
	case len(f.Error) > 0:
		p.told <- fmt.Errorf("the worker has no state to save: %w", workerError(f.Error))
	case len(f.Payload) > MaxState:
		p.told <- stateTooLarge(len(f.Payload))
	case len(f.Payload) == 0:
		p.told <- nil
	default:
		p.enqueueSave(save{data: f.Payload, last: last})
	}
}

// enqueueSave is the reader's. There always is room: one more than for the saves.
func (p *Process) enqueueSave(s save) {
	p.saves <- s
	if !p.saving {
		p.saving = true
		p.callers.Go(p.save)
	}
}

// save stores states one after the other, in the order in which the worker wrote them, until the program has ended; the last one also then.
func (p *Process) save() {
	for {
		select {
		case <-p.base.Done(): // all that it wrote has been read
			for len(p.saves) > 0 {
				if s := <-p.saves; s.id == "" {
					p.saveLast(s)
				}
			}
			return
		case s := <-p.saves:
			if s.id == "" {
				p.saveLast(s)
				continue
			}
			version, err := p.opt.Save(p.base, s.data)
			var stored json.RawMessage
			if err == nil {
				stored, err = codec.Marshal(map[string]uint64{"version": version})
			}
			select {
			case p.out <- p.answerFrame(reply, s.id, stored, err):
			case <-p.written: // the worker is being stopped, or is dead
			}
			if code := api.CodeOf(err); code == api.Fenced || code == api.FailedPrecondition {
				p.giveUp(err)
			}
		}
	}
}

func (p *Process) saveLast(s save) {
	_, err := p.opt.Save(s.last, s.data)
	p.told <- err
}

// askState asks the worker for its state, and waits until that is saved: at most Grace, and half of what ctx leaves.
func (p *Process) askState(ctx context.Context) error {
	limit := p.opt.Grace
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(end)/2)
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	last, cancel := context.WithCancel(ctx)
	defer cancel()
	p.mu.Lock()
	p.asked, p.parting = true, last
	p.mu.Unlock()
	select {
	case p.out <- stateFrame:
	default:
		return errors.New("the worker does not read, so its state is not saved")
	}
	saved := func(err error) error {
		if err != nil {
			return fmt.Errorf("save the last state: %w", err)
		}
		return nil
	}
	select {
	case err := <-p.told:
		return saved(err)
	case <-p.done: // a worker may tell its state and end
		select {
		case err := <-p.told:
			return saved(err)
		default:
			return errors.New("the worker ended before it had told its state")
		}
	case <-timer.C:
		return fmt.Errorf("the worker's last state was not saved within %s", limit)
	case <-ctx.Done():
		return fmt.Errorf("save the last state: %w", ctx.Err())
	}
}

// giveUp ends a program that can save no more. It is asked to stop, and killed if it does not.
func (p *Process) giveUp(why error) {
	p.mu.Lock()
	over := p.stopped || p.ended || p.fault != nil
	if !over {
		p.fault = why
		p.doom = time.AfterFunc(p.opt.Grace, func() { p.signal(syscall.SIGKILL) })
	}
	p.mu.Unlock()
	if !over {
		p.hangUp()
	}
}

func stateTooLarge(have int) *api.Error {
	return api.Errorf(api.Invalid, "the state has %d bytes, a worker's has at most %d", have, MaxState).WithReason(api.ReasonPayloadTooLarge)
}
