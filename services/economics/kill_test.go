package economics_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// envReplica turns a copy of the test binary into a replica of the service, on the server that it names.
const envReplica = "MABUS_ECONOMICS_TEST_URL"

func init() {
	url := os.Getenv(envReplica)
	if url == "" {
		return
	}
	if err := serve(url); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve runs a replica until its standard input ends, as it does with the test.
func serve(url string) error {
	ctx, cancel := context.WithCancel(context.Background()) //nolint:forbidigo // a process of its own has no test
	defer cancel()
	conn, err := rpc.Dial(ctx, rpc.Options{URL: url, Name: "replica"})
	if err != nil {
		return err
	}
	defer conn.Close()
	s, err := economics.Start(ctx, conn, economics.Config{})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return s.Stop(ctx)
}

// process is a replica in a process of its own.
func process(t testing.TB, url string) (kill func()) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env, cmd.Stderr = append(os.Environ(), envReplica+"="+url), os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dead := false
	kill = func() {
		if dead {
			return
		}
		dead = true
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatalf("the replica does not start: %v", err)
	}
	return kill
}

// Replicas in processes of their own are killed, each once, while a crowd bids, pays and trades, and others take their place.
func TestReplicasAreKilled(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var kills []func()
	for range 2 {
		kills = append(kills, process(t, srv.URL()))
	}
	c := gather(t, srv.URL(), 4)
	end := c.trade()
	for i := range 2 {
		c.goOn(100)
		kills[i]()
		kills = append(kills, process(t, srv.URL()))
	}
	end()
	c.settle()
}
