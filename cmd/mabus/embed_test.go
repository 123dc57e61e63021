package main

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/natsd"
)

// A port that is taken is told in one line, which says what to do.
func TestAPortThatIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var log bytes.Buffer
	_, err = embed(t.Context(), natsd.Config{DataDir: t.TempDir(), Port: taken.Addr().(*net.TCPAddr).Port, Log: zerolog.New(&log).Level(zerolog.InfoLevel)}, nil)
	if err == nil || !strings.Contains(err.Error(), "another port with --port") || strings.Contains(err.Error(), "\n") {
		t.Errorf("it says %v", err)
	}
	if log.Len() > 0 {
		t.Errorf("and logs %s", &log)
	}
}

func TestCounted(t *testing.T) {
	for want, got := range map[string]string{
		"0 findings": counted(0, "finding"), "1 host": counted(1, "host"), "2 hosts": counted(2, "host"),
		"1 live service process": counted(1, "live service process"), "3 live service processes": counted(3, "live service process"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
