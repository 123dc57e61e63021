package exec_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
)

// What a message costs is known only when the worker has given it up.
func TestTheCostOfAMessageThatIsCutShort(t *testing.T) {
	t.Parallel()
	const obeys = `while IFS= read -r l; do id=${l#*'"id":"'}; id=${id%%'"'*}; case $l in
		*'"type":"cancel"'*) printf '{"type":"error","id":"%s","error":"stopped","usage":{"tokens_out":3,"cost":"7"}}\n' "$id";;
	esac; done`
	const ignores = `trap '' TERM; while :; do sleep 1; done`
	for _, c := range []struct {
		name, script string
		price        api.Micro
		want         api.Usage
		known        bool
	}{
		{"it says what it was", obeys, 100, api.Usage{TokensOut: 3, Cost: 7}, true},
		{"it has to be ended", ignores, 100, api.Usage{}, false},
		{"nobody waits for an agent without a price", obeys, 0, api.Usage{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			grace := 300 * time.Millisecond
			if c.known { // it answers, however late it is given a processor
				grace = time.Minute
			}
			p, err := exec.Start(t.Context(), api.AgentSpec{ID: "a", Command: []string{"sh", "-c", c.script}, MaxCost: c.price},
				exec.Options{Log: zerolog.Nop(), Grace: 100 * time.Millisecond, CancelGrace: grace})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			m := &agent.Message{Payload: []byte("1")}
			if _, err := p.Handle(ctx, m); api.CodeOf(err) != api.DeadlineExceeded || errors.Is(err, exec.ErrNoEnd) == c.known {
				t.Errorf("got %v, want it to be known: %v", err, c.known)
			}
			if m.Used() != c.want {
				t.Errorf("it cost %+v, want %+v", m.Used(), c.want)
			}
			if err := p.Stop(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestACostThatIsNotToBeUnderstood(t *testing.T) {
	t.Parallel()
	const says = `read -r l; read -r l; printf '{"type":"result","id":"1","payload":1,"usage":{"cost":12}}\n'; read -r l`
	p, err := exec.Start(t.Context(), api.AgentSpec{ID: "a", Command: []string{"sh", "-c", says}, MaxCost: 100}, exec.Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	m := &agent.Message{Payload: []byte("1")}
	if answer, err := p.Handle(t.Context(), m); err != nil || string(answer) != "1" || m.Used().Cost != 100 {
		t.Errorf("got %s, %v, %+v", answer, err, m.Used())
	}
	if err := p.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

// halts is a reader whose first chunk takes as long as its context.
type halts struct{ agent.NoParts }

func (halts) Chunk(ctx context.Context, _ json.RawMessage) error {
	<-ctx.Done()
	return ctx.Err()
}

// While the cost of a message is awaited, the parts that it leaves behind must not keep the worker's output from being read.
func TestWhatAMessageLeavesBehindDoesNotHideItsCost(t *testing.T) {
	t.Parallel()
	const script = `big=$(head -c 12000000 /dev/zero | tr '\0' x); n=0
while IFS= read -r l; do id=${l#*'"id":"'}; id=${id%%'"'*}; case $l in
	*'"type":"cancel"'*) printf '{"type":"error","id":"%s","error":"stopped","usage":{"cost":"7"}}\n' "$id";;
	*'"type":"message"'*) n=$((n+1)); [ $n = 1 ] && printf '{"type":"chunk","id":"%s","payload":1}\n' "$id"
		printf '{"type":"chunk","id":"%s","payload":"%s"}\n' "$id" "$big";;
esac; done`
	p, err := exec.Start(t.Context(), api.AgentSpec{ID: "a", Command: []string{"sh", "-c", script}, MaxCost: 100, Concurrency: 2},
		exec.Options{Log: zerolog.Nop(), Grace: 100 * time.Millisecond, CancelGrace: time.Minute, MaxLine: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	handle := func() (context.CancelFunc, chan api.Usage) {
		ctx, cancel := context.WithCancel(t.Context())
		used := make(chan api.Usage, 1)
		go func() {
			m := &agent.Message{Payload: []byte("1"), Parts: halts{}}
			_, _ = p.Handle(ctx, m)
			used <- m.Used()
		}()
		return cancel, used
	}
	first, used := handle()
	eventually(t, "the first has a great part in its queue", func() bool { return p.Held() > 12_000_000 })
	second, other := handle()
	eventually(t, "there is no room for that of the second", p.Stalled)
	first()
	select {
	case got := <-used:
		if got.Cost != 7 {
			t.Errorf("it cost %+v", got)
		}
	case <-time.After(30 * time.Second): // half of the grace
		t.Error("the first has not returned")
	}
	second()
	if got := <-other; got.Cost != 7 {
		t.Errorf("the second cost %+v", got)
	}
	if err := p.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}
