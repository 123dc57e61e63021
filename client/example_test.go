package client_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// local returns a client of a Mabus of the example's own. A program connects to the one that runs:
//
//	c, err := client.Connect(ctx, client.Options{URL: "nats://127.0.0.1:4222", Principal: "ann"})
func local(ctx context.Context) (*client.Client, func()) {
	dir, err := os.MkdirTemp("", "mabus-example-")
	check(err)
	c, end, err := stack(ctx, dir)
	check(err)
	return c, func() { end(); _ = os.RemoveAll(dir) }
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, end := local(ctx)
	defer end()
	_, err := c.Agents.Start(ctx, api.AgentStartRequest{Agent: &api.AgentSpec{ID: "e1", Module: "echo", Capabilities: []string{"echo"}}})
	check(err)

	answer, err := c.Call(ctx, "e1", map[string]string{"text": "hello"})
	check(err)
	fmt.Println(string(answer))

	_, err = c.Call(ctx, "e2", "anybody?")
	fmt.Println(api.ReasonOf(err))
	// Output:
	// {"text":"hello"}
	// agent_not_found
}

func ExampleTasks_Submit() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, end := local(ctx)
	defer end()

	// A task waits until somebody has the capability, and is done once somebody has.
	t, err := c.Tasks.Submit(ctx, api.TaskSpec{ID: "t1", Capability: "echo", Payload: []byte(`{"n":1}`)})
	check(err)
	fmt.Println(t.Status)
	_, err = c.Agents.Start(ctx, api.AgentStartRequest{Agent: &api.AgentSpec{ID: "e1", Module: "echo", Capabilities: []string{"echo"}}})
	check(err)
	t, err = c.Tasks.Get(ctx, api.TaskGetRequest{ID: "t1", Wait: api.Duration(10 * time.Second)})
	check(err)
	fmt.Println(t.Status, string(t.Result))
	// Output:
	// queued
	// succeeded {"n":1}
}

func ExampleAgents_All() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, end := local(ctx)
	defer end()
	var newest string
	for _, id := range []string{"a", "b", "c"} {
		a, err := c.Agents.Register(ctx, api.AgentSpec{ID: id, Tags: []string{"blue"}})
		check(err)
		newest = a.Revision
	}
	// MinRevision makes the list wait until it knows what was just written.
	for a, err := range c.Agents.All(ctx, api.AgentsListRequest{Tags: []string{"blue"}, MinRevision: newest}) {
		check(err)
		fmt.Println(a.ID, a.Status)
	}
	// Output:
	// a registered
	// b registered
	// c registered
}
