package natstest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Ports are taken from below the range out of which the system gives ports to outgoing connections: else a client could
// be given the port of a server that is about to come back.
const (
	firstPort = 20000
	lastPort  = 32000
)

// freePorts returns n distinct ports that were free a moment ago.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	var err error
	for try := 0; len(ports) < n && try < 1000; try++ {
		port := firstPort + rand.IntN(lastPort-firstPort)
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			// All are held until the last is found, so that none comes twice.
			defer l.Close()
			ports = append(ports, port)
		}
	}
	if len(ports) < n {
		t.Fatalf("find %d free ports: %v", n, err)
	}
	return ports
}
