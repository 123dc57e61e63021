package chaos_test

import (
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/mabus-project/mabus/test/chaos"
)

// serveNode is a NATS server until its standard input ends.
func serveNode(n chaos.Node) error {
	opts := &server.Options{
		ServerName: n.Name, Host: "127.0.0.1", Port: n.Port, JetStream: true, StoreDir: n.Dir, JetStreamMaxStore: 1 << 40,
		NoSigs: true, HTTPHost: "127.0.0.1", HTTPPort: -1, LogFile: filepath.Join(filepath.Dir(n.Dir), n.Name+"-nats.log"), Logtime: true,
	}
	if n.ClusterPort > 0 {
		// Clients are told of no addresses: they would get round their links.
		opts.Cluster = server.ClusterOpts{Name: "chaos", Host: "127.0.0.1", Port: n.ClusterPort, NoAdvertise: true}
		for _, r := range n.Routes {
			u, err := url.Parse(r)
			if err != nil {
				return err
			}
			opts.Routes = append(opts.Routes, u)
		}
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	gone := make(chan os.Signal, 1)
	signal.Notify(gone, syscall.SIGTERM)
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		gone <- syscall.SIGTERM
	}()
	<-gone
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}
