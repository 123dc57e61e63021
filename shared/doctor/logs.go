package doctor

import "time"

const (
	maxBehind  = 128              // entries that the writer of one may not have seen, of concurrent writers' making; an eighth of what a log allows
	silentTime = 30 * time.Second // in which a live replica has written to its log three times: each says every 10 s that it is there
)

// Tail is the end of a replicated log.
type Tail struct {
	Service, Stream string
	// Since is when the oldest entry that was read was written; zero when the whole log was read.
	Since   time.Time
	Writers []Writer
}

// Writer is a replica, by the newest entry that it has written.
type Writer struct {
	ID     string
	At     time.Time
	Behind uint64 // entries before that one which it had not applied when it wrote
}

// Bodies are large bodies that no message names.
type Bodies struct {
	Bucket  string
	Count   int
	Bytes   uint64
	Largest string // its name
	Size    uint64 // of the largest
	Stored  time.Time
}

var logRules = []rule{
	{
		code: "replica_behind", severity: Warning,
		why: "A replica that is behind its log answers nobody, or refuses what comes; with all of them behind the service stands still.",
		do:  "mabus admin rules show names the replicas that write; look at the log and the machine of the others, and start them again: they begin from the newest snapshot",
		find: func(f *Facts, found func(string, string, ...any)) {
			for _, t := range f.Tails {
				heard := 0
				for _, w := range t.Writers {
					if f.At.Sub(w.At) > silentTime {
						continue
					}
					heard++
					if w.Behind > maxBehind {
						found(t.Stream+"/"+w.ID, "it wrote %s ago without having applied the %d entries before", f.At.Sub(w.At).Round(time.Second), w.Behind)
					}
				}
				live := 0
				for _, s := range f.Services {
					if s.Live && s.Name == t.Service && f.At.Sub(s.Since) > silentTime {
						live++
					}
				}
				if whole := t.Since.IsZero() || f.At.Sub(t.Since) > silentTime; f.Looked.Services && whole && heard < live {
					found(t.Stream, "%d of %d live replicas have written to it in the last %s, which each of them does every 10s", heard, live, silentTime)
				}
			}
		},
	},
	{
		code: "orphaned_body", severity: Notice,
		why: "It takes room until it is a week old, and nobody will read it: its sender or its reader has died.",
		do:  "nothing while there is room; to have it now: nats object rm %s --force",
		find: func(f *Facts, found func(string, string, ...any)) {
			if b := f.Bodies; b.Count > 0 {
				found(b.Bucket+" "+b.Largest, "%d large bodies of %d bytes are named by no message; this one, of %d bytes, is the largest, and was stored at %s",
					b.Count, b.Bytes, b.Size, b.Stored.UTC().Format(time.RFC3339))
			}
		},
	},
}
