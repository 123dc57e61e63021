package backup_test

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/backup"
)

// drawn are messages as a stream may have them.
func drawn(t *rapid.T) []backup.Entry {
	var all []backup.Entry
	seq := uint64(0)
	for range rapid.IntRange(0, 20).Draw(t, "n") {
		seq += rapid.Uint64Range(1, 1<<40).Draw(t, "gap")
		e := backup.Entry{Subject: rapid.StringMatching(`[a-z$]{1,9}(\.[a-z]{1,9}){0,3}`).Draw(t, "subject"), Seq: seq, Time: rapid.Int64().Draw(t, "time")}
		if rapid.Bool().Draw(t, "has a body") {
			e.Data = rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "data")
		}
		if rapid.Bool().Draw(t, "has a header") {
			e.Header = []byte("NATS/1.0\r\nA: b\r\n\r\n")
		}
		all = append(all, e)
	}
	return all
}

func TestEntriesAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, compressed := drawn(t), rapid.Bool().Draw(t, "compressed")
		data, err := backup.WriteEntries(all, compressed)
		if err != nil {
			t.Fatal(err)
		}
		got, err := backup.ReadEntries(data, compressed)
		if err != nil || !reflect.DeepEqual(got, all) {
			t.Fatalf("%d messages were written and %d read: %v", len(all), len(got), err)
		}
		if len(data) == 0 {
			return
		}
		if _, err := backup.ReadEntries(data[:rapid.IntRange(0, len(data)-1).Draw(t, "cut")], compressed); err == nil {
			t.Fatal("a part of it was read as a whole")
		}
		if _, err := backup.ReadEntries(append(bytes.Clone(data), 'x'), compressed); err == nil {
			t.Fatal("something after its end was not seen")
		}
	})
}

// Whatever a file has, it is read or refused, without a panic or more memory than there are bytes.
func FuzzEntries(f *testing.F) {
	data, err := backup.WriteEntries([]backup.Entry{{Subject: "a.b", Seq: 3, Time: -5, Header: []byte("NATS/1.0\r\n\r\n"), Data: []byte("x")}}, false)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := backup.ReadEntries(data, false)
		if err != nil {
			return
		}
		again, err := backup.WriteEntries(all, false)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := backup.ReadEntries(again, false); err != nil || !reflect.DeepEqual(same, all) {
			t.Fatalf("%v: %v", all, err)
		}
	})
}
