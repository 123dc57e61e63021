// Package exec serves an agent written in Go as a program of its own, which an agent host starts and speaks with over standard
// input and output as docs/exec.md says. The handler is the same as that of a native agent.
//
//	func main() {
//		err := exec.Serve(func(_ context.Context, env agent.Env) (agent.Handler, error) {
//			return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
//				return m.Payload, nil
//			}), nil
//		})
//		if err != nil {
//			fmt.Fprintln(os.Stderr, err)
//			os.Exit(1)
//		}
//	}
//
// What differs from a native agent: a checkpoint counts as saved when it is on its way to the host, which keeps the order of
// checkpoints, questions and answers; a panic ends the program, which is a crash of the agent; and Env.Save can be used only when
// the agent has been made, from its first message on.
//
// One goroutine writes no frames but reads them, so that a cancel is seen at once; each message has a goroutine, of which there
// are as many as the host sends messages at once, the agent's concurrency. All have ended when Serve returns.
package exec
