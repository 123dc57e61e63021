package agenthost

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// guard holds messages back from the moment the connection is lost until the lease has been renewed over the new one: while
// the host was away, others may have taken its agents.
func (s *Service) guard() {
	for status := range s.status {
		switch status {
		case nats.DISCONNECTED, nats.RECONNECTING:
			s.mu.Lock()
			s.held = true
			s.mu.Unlock()
		case nats.CONNECTED:
			s.renew()
		}
	}
	s.release()
}

func (s *Service) renew() {
	for s.base.Err() == nil && s.env.Lease.Err() == nil {
		ctx, cancel := context.WithTimeout(s.base, 2*time.Second)
		err := s.env.Lease.RenewNow(ctx)
		cancel()
		if err == nil {
			s.release()
			return
		}
		s.log.Warn().Err(err).Msg("the lease is not renewed yet after a reconnect")
		if !s.conn.NC.IsConnected() {
			return // the next connection will call again
		}
		select {
		case <-s.base.Done():
		case <-s.env.Lease.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
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
	s.mu.Lock()
	for s.held && s.base.Err() == nil {
		s.resume.Wait()
	}
	s.mu.Unlock()
}
