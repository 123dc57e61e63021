package exec_test

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// swift answers everything with its payload and takes next to no time for it, so that what is measured is the host's side.
func swift(in *bufio.Reader, out *bufio.Writer) {
	for {
		raw, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		rest, ok := bytes.CutPrefix(raw, []byte(`{"type":"message","id":"`))
		if !ok {
			continue
		}
		id, rest, _ := bytes.Cut(rest, []byte(`"`))
		_, payload, _ := bytes.Cut(rest, []byte(`"payload":`))
		_, _ = out.WriteString(`{"type":"result","id":"`)
		_, _ = out.Write(id)
		_, _ = out.WriteString(`","payload":`)
		_, _ = out.Write(payload) // with the closing brace and the end of the line
		if in.Buffered() == 0 {
			_ = out.Flush()
		}
	}
}

// cpuTime is the time on the CPU of this process, without the worker's.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkEcho has so many callers send messages through a worker, each with the deadline of a request.
func BenchmarkEcho(b *testing.B) {
	for _, callers := range []int{1, 64} {
		for _, size := range []int{16, 4096} {
			b.Run(fmt.Sprintf("callers=%d,bytes=%d", callers, size), func(b *testing.B) {
				spec := self(b, "swift")
				spec.Concurrency = callers
				p := start(b, spec, exec.Options{})
				payload := []byte(`"` + strings.Repeat("x", size) + `"`)
				var left atomic.Int64
				left.Store(int64(b.N))
				b.ReportAllocs()
				b.ResetTimer()
				before := cpuTime(b)
				var all sync.WaitGroup
				for range callers {
					all.Go(func() {
						for left.Add(-1) >= 0 {
							ctx := rpc.NewContext(b.Context(), time.Minute, api.Cause{})
							_, err := p.Handle(ctx, &agent.Message{Payload: payload, Parts: agent.NoParts{}})
							ctx.End()
							if err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}
