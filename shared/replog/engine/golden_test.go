package engine_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

var update = flag.Bool("update", false, "write the golden log anew")

const (
	goldenLog    = "testdata/golden.log"
	goldenDigest = "testdata/golden.digest"
)

// goldenTape is a log with everything that there is in it.
func goldenTape(t *testing.T) *tape {
	l := newTape(t, counter())
	l.raw([]byte("not a batch"))
	l.do("a", engine.PresentCommand(1, 3), add("x", 1), addOnce("ann", "r1", "x", 2), alarm("soon", begin.Add(time.Second)), do("e1"), do("e2"))
	b := l.after(time.Second).batch("b", engine.PresentCommand(1, 3), addOnce("ann", "r1", "x", 2), engine.Command{Kind: "refuse", ID: "r2"})
	l.append(b)
	l.append(b)
	l.do("a", engine.OutcomeCommand("e1", []byte("done")), engine.Command{Kind: "panic", Key: "boom", ID: "r3"}, engine.ClaimCommand("e1"))
	l.after(engine.Claim).do("b", engine.ClaimCommand("e2"), addOnce("ann", uuid(begin.Add(time.Minute), 1), "y", 3))
	wrong := l.batch("b", add("x", 1))
	wrong.Claim[0]++
	l.append(wrong)
	stranger := l.batch("c")
	stranger.Number = 7
	l.append(stranger)
	foreign := l.batch("c")
	foreign.Log = "M"
	l.append(foreign)
	l.do("a", engine.SnapshotCommand(2, sha256.Sum256([]byte("a"))))
	l.do("b", engine.VerifiedCommand(2, sha256.Sum256([]byte("a"))), engine.SnapshotCommand(5, sha256.Sum256([]byte("b"))))
	l.do("a", engine.UseCommand(2), add("x", 1), engine.Command{Kind: "drop", Key: "y"}, alarm("later", begin.Add(time.Hour)), engine.UseCommand(1))
	l.after(-time.Second).do("b", engine.LeaveCommand())
	l.do("a", engine.ClaimCommand("e2"), engine.Command{Kind: "unknown"})
	return l
}

// TestGoldenLog replays a log that an earlier binary has written. When it fails, logs that are in use cannot be read any more: what is
// changed then needs another format of entries or snapshots.
func TestGoldenLog(t *testing.T) {
	if *update {
		l := goldenTape(t)
		var out []byte
		for _, en := range l.entries {
			out = binary.BigEndian.AppendUint64(out, uint64(en.Time.UnixNano()))
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(en.Data))), en.Data...)
		}
		digest := sha256.Sum256(snapshot(t, l.e))
		hash := l.e.Hash()
		text := "hash " + hex.EncodeToString(hash[:]) + "\nsnapshot " + hex.EncodeToString(digest[:]) + "\n"
		for name, data := range map[string][]byte{goldenLog: out, goldenDigest: []byte(text)} {
			if err := os.WriteFile(name, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	data, err := os.ReadFile(goldenLog)
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(counter())
	var parts [][]byte
	for seq := uint64(1); len(data) > 0; seq++ {
		at, n := int64(binary.BigEndian.Uint64(data)), binary.BigEndian.Uint32(data[8:])
		entry := data[12 : 12+n]
		data = data[12+n:]
		if _, err := e.Apply(engine.Entry{Seq: seq, Time: time.Unix(0, at), Data: entry}); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, entry)
	}
	digest := sha256.Sum256(snapshot(t, e))
	hash := e.Hash()
	got := "hash " + hex.EncodeToString(hash[:]) + "\nsnapshot " + hex.EncodeToString(digest[:]) + "\n"
	want, err := os.ReadFile(goldenDigest)
	if err != nil || got != string(want) {
		t.Errorf("%v, got\n%swant\n%s", err, got, want)
	}
	for i, en := range goldenTape(t).entries { // what is written now is what was written then
		if i >= len(parts) || !bytes.Equal(en.Data, parts[i]) {
			t.Errorf("entry %d is written otherwise", i+1)
		}
	}
}
