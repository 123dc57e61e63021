package chaos

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/codec"
)

// states follows what agents save, as it is in the store, and looks for what must not be there.
type states struct {
	consume jetstream.ConsumeContext

	mu    sync.Mutex
	seen  map[string]stateRecord
	seq   uint64 // of the stream
	gap   uint64 // the last write of which those before were missed: the bucket keeps only the newest of an agent
	saves int
	wrong []error
}

// stateRecord is what services/agenthost/state keeps, as far as it matters here.
type stateRecord struct {
	Epoch   uint64 `json:"epoch"`
	Version uint64 `json:"version"`

	seq uint64
}

// followStates follows the states of agents until stop.
func followStates(ctx context.Context, js jetstream.JetStream, namespace string) (*states, error) {
	bucket := namespace + "_state"
	subject := "$KV." + bucket + "."
	c, err := js.OrderedConsumer(ctx, "KV_"+bucket, jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject + ">"}})
	if err != nil {
		return nil, fmt.Errorf("follow the states of agents: %w", err)
	}
	s := &states{seen: map[string]stateRecord{}}
	s.consume, err = c.Consume(func(m jetstream.Msg) {
		meta, err := m.Metadata()
		if err == nil {
			s.take(strings.TrimPrefix(m.Subject(), subject), meta.Sequence.Stream, m.Data())
		}
	})
	return s, err
}

// take looks at one write. An agent's epoch never goes back; its version grows by one with each save, as far as none was missed.
func (s *states) take(id string, seq uint64, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq != s.seq+1 {
		s.gap = seq
	}
	s.seq = seq
	var r stateRecord
	if strings.Contains(id, ".") || codec.Read(data, &r) != nil || r.Epoch == 0 {
		return
	}
	r.seq = seq
	was, ok := s.seen[id]
	s.seen[id] = r
	switch {
	case !ok:
	case r.Epoch < was.Epoch:
		s.wrong = append(s.wrong, fmt.Errorf("%s: epoch %d saved after epoch %d had (write %d)", id, r.Epoch, was.Epoch, seq))
	case r.Version < was.Version, was.seq >= s.gap && r.Version > was.Version+1:
		s.wrong = append(s.wrong, fmt.Errorf("%s: version %d follows version %d (write %d)", id, r.Version, was.Version, seq))
	}
	if r.Version > was.Version {
		s.saves++
	}
}

// stop ends the following, and returns how many saves it saw and what was wrong with them.
func (s *states) stop() (int, error) {
	s.consume.Stop()
	<-s.consume.Closed()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saves, errors.Join(s.wrong...)
}
