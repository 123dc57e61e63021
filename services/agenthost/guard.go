package agenthost

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// guard holds messages back from the moment the connection is lost until the lease has been renewed over the new one and the
// registry has confirmed that the host is live: while it was away, others may have taken its agents. An event only says when to look: of many in a row some may be lost.
func (s *Service) guard() {
	for range s.status {
		s.hold()
		s.renew()
	}
	s.release()
}

// renew renews the lease and then lets messages through, unless the connection is away: its return is another event.
func (s *Service) renew() {
	for s.conn.NC.IsConnected() && s.base.Err() == nil && !isDone(s.env.Lease.Lost()) {
		ctx, cancel := context.WithTimeout(s.base, 2*time.Second)
		err := s.env.Lease.RenewNow(ctx)
		if err == nil && s.isListed() {
			err = s.tellHost(ctx)
		}
		cancel()
		switch {
		case err == nil:
			s.release()
			return
		case api.CodeOf(err) == api.Fenced, api.CodeOf(err) == api.Conflict: // a conflict is another incarnation in the host's place
			s.env.Lease.Abandon(lostHost(s.cfg.ID)) // others have what ran here
			return
		}
		s.log.Warn().Err(err).Msg("nothing is handled yet after a reconnect: the lease is not renewed, or the registry does not answer")
		select {
		case <-s.base.Done():
		case <-s.env.Lease.Lost():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *Service) hold() {
	s.mu.Lock()
	s.held = true
	s.mu.Unlock()
}

// release lets messages through.
func (s *Service) release() {
	s.mu.Lock()
	s.held = false
	s.resume.Broadcast()
	s.mu.Unlock()
}

// await waits until messages may pass.
func (s *Service) await() {
	s.mu.RLock()
	held := s.held
	s.mu.RUnlock()
	if !held {
		return
	}
	s.mu.Lock()
	for s.held && s.base.Err() == nil {
		s.resume.Wait()
	}
	s.mu.Unlock()
}
