// Command summarise is an agent that counts the words of a text and says the most frequent ones one by one.
//
//	go build -o bin/summarise ./examples/goworker/summarise
//	mabus agents start words -- $PWD/bin/summarise
//	mabus call --stream words '{"text":"to be or not to be","top":2}'
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/client/agent/exec"
	"github.com/mabus-project/mabus/shared/codec"
)

func handle(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	in := struct {
		Text  string  `json:"text"`
		Top   int     `json:"top"`
		Pause float64 `json:"pause"` // seconds
	}{Top: 3}
	if err := codec.Decode(m.Payload, &in); err != nil {
		return nil, err
	}
	words, counts := strings.Fields(strings.ToLower(in.Text)), map[string]int{}
	for _, w := range words {
		counts[w]++
	}
	best := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
	best = best[:min(max(in.Top, 0), len(best))]
	for n, w := range best {
		chunk, err := codec.Marshal(map[string]any{"word": w, "count": counts[w]})
		if err != nil {
			return nil, err
		}
		if err := m.Parts.Chunk(ctx, chunk); err != nil {
			return nil, err // the caller has gone
		}
		if err := m.Parts.Progress(ctx, fmt.Appendf(nil, `{"done":%d,"of":%d}`, n+1, len(best))); err != nil {
			return nil, err
		}
		select {
		case <-time.After(time.Duration(in.Pause * float64(time.Second))):
		case <-ctx.Done():
		}
	}
	return fmt.Appendf(nil, `{"words":%d,"different":%d}`, len(words), len(counts)), nil
}

func main() {
	err := exec.Serve(func(context.Context, agent.Env) (agent.Handler, error) { return agent.HandlerFunc(handle), nil })
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
