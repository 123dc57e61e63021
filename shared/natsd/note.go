package natsd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/mabus-project/mabus/shared/codec"
)

// note is <dir>/server.json: where the owner of a data directory listens.
type note struct {
	URL string `json:"url"`
	PID int    `json:"pid"`
	// ServerID tells the owner's server from another one that has been given a dead owner's port.
	ServerID string `json:"server_id"`
}

func notePath(dir string) string { return filepath.Join(dir, "server.json") }

// writeNote replaces the note in one step, so that nobody reads half of it.
func writeNote(dir string, n note) error {
	data, err := codec.Marshal(n)
	if err != nil {
		return fmt.Errorf("write server.json: %w", err)
	}
	f, err := os.CreateTemp(dir, "server.json.*")
	if err != nil {
		return fmt.Errorf("write server.json: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), notePath(dir))
	}
	if err != nil {
		return fmt.Errorf("write server.json: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

func readNote(dir string) (note, error) {
	var n note
	data, err := os.ReadFile(notePath(dir))
	if err == nil {
		err = codec.Read(data, &n)
	}
	if err != nil {
		return note{}, fmt.Errorf("read server.json: %w", err)
	}
	return n, nil
}

func removeNote(dir string) error {
	if err := os.Remove(notePath(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove server.json: %w", err)
	}
	return nil
}

// answers connects to the server that the note names and asks whether it is the one that wrote it. A NATS server greets
// each connection with one INFO line.
func (n note) answers(ctx context.Context) error {
	u, err := url.Parse(n.URL)
	if err != nil {
		return fmt.Errorf("server.json: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	line, err := bufio.NewReader(io.LimitReader(conn, 64<<10)).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s did not greet like a NATS server: %w", n.URL, err)
	}
	info, ok := bytes.CutPrefix(line, []byte("INFO "))
	if !ok {
		return fmt.Errorf("%s is not a NATS server", n.URL)
	}
	var greeting struct {
		ServerID string `json:"server_id"`
	}
	if err := codec.Read(bytes.TrimSpace(info), &greeting); err != nil {
		return fmt.Errorf("the greeting of %s: %w", n.URL, err)
	}
	if greeting.ServerID != n.ServerID {
		return fmt.Errorf("%s is another server than the one that owns the data directory", n.URL)
	}
	return nil
}
