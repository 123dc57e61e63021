package doctor

import (
	"time"
)

const (
	maxLag  = 10_000           // messages that a copy may be behind, or that wait for a consumer which has nobody
	unused  = 10 * time.Minute // after which a consumer that has something to deliver and delivers nothing counts as left behind
	busyAck = 90               // per cent of the messages that a consumer may have out
)

var storeRules = []rule{
	{
		code: "restoring", severity: Critical,
		why: "A restore did not come to its end: what is there is a part.", do: "say `mabus admin restore` again with the same directory",
		find: func(f *Facts, found func(string, string, ...any)) {
			each(f, func(s Stream) {
				if s.Metadata["mabus-restoring"] != "" {
					found(s.Name, "it is marked as being restored")
				}
			})
		},
	},
	{
		code: "fenced", severity: Critical,
		why: "It takes no writes: the namespace was moved, or a migration died.", do: "use the server that it was moved to, or say `mabus admin migrate --undo`",
		find: func(f *Facts, found func(string, string, ...any)) {
			each(f, func(s Stream) {
				if s.Metadata["mabus-fenced"] != "" {
					found(s.Name, "it is fenced")
				}
			})
		},
	},
	{
		code: "no_leader", severity: Critical,
		why: "Nothing can be written to it or read from it until it has one.", do: "bring the missing servers back; `nats server report jetstream` shows which",
		find: func(f *Facts, found func(string, string, ...any)) {
			each(f, func(s Stream) {
				if s.Cluster && s.Leader == "" {
					found(s.Name, "it has no leader")
				}
			})
		},
	},
	{
		code: "too_few_copies", severity: Critical,
		why: "In a namespace whose streams have several copies, one that has fewer is what the next death of a server takes with it.",
		do:  "raise its copies: nats stream edit %s --replicas N, with as many as the others have",
		find: func(f *Facts, found func(string, string, ...any)) {
			most := 0
			each(f, func(s Stream) { most = max(most, s.Replicas) })
			each(f, func(s Stream) {
				if s.Replicas < most {
					found(s.Name, "it is to have %d copies and others have %d", s.Replicas, most)
				}
			})
		},
	},
	{
		code: "single_copies", severity: Warning,
		why: "One server's death takes the namespace away, and the loss of its disk for good, though there are others.", do: "move the namespace to copies on three servers: `mabus admin migrate --replicas 3`, or edit each stream",
		find: func(f *Facts, found func(string, string, ...any)) {
			most := 0
			each(f, func(s Stream) { most = max(most, s.Replicas) })
			if f.Server.Nodes >= 3 && most == 1 {
				found("namespace", "every stream has one copy, and the cluster %d servers", f.Server.Nodes)
			}
		},
	},
	{
		code: "copy_behind", severity: Warning,
		why: "A copy that is away or behind is none when the others are lost.", do: "bring its server back, or wait; `nats stream cluster` has more",
		find: func(f *Facts, found func(string, string, ...any)) {
			each(f, func(s Stream) {
				missing := 0
				for _, p := range s.Peers {
					switch {
					case p.Offline:
						found(s.Name, "the copy on %s is off line", p.Name)
					case !p.Current && p.Lag > 0 || p.Lag > maxLag:
						found(s.Name, "the copy on %s is %d entries behind", p.Name, p.Lag)
					case !p.Current:
						missing++
					}
				}
				if have := len(s.Peers) + 1; s.Cluster && have < s.Replicas {
					found(s.Name, "it has %d of %d copies", have, s.Replicas)
				} else if missing > 0 {
					found(s.Name, "%d copies have not caught up", missing)
				}
			})
		},
	},
	{
		code: "nearly_full", severity: Warning,
		why: "When it is full every write to it is refused.", do: "find out what fills it (docs/operations.md has the bound of each store), and remove or shorten it",
		find: func(f *Facts, found func(string, string, ...any)) {
			each(f, func(s Stream) {
				if share := s.share(); !s.Drops && share >= fullShare && share < 100 {
					found(s.Name, "%d %% of its %d bytes are used", share, s.MaxBytes)
				}
			})
		},
	},
	{
		code: "full", severity: Critical,
		why: "Writes to it are refused.", do: "find out what fills it (docs/operations.md has the bound of each store), and remove or shorten it",
		find: func(f *Facts, found func(string, string, ...any)) {
			each(f, func(s Stream) {
				if share := s.share(); !s.Drops && share >= 100 {
					found(s.Name, "its %d bytes are used", s.MaxBytes)
				}
			})
		},
	},
	{
		code: "acks_stalled", severity: Warning,
		why: "No more is delivered until some of it is acknowledged.", do: "look at the process that reads it, and at its log",
		find: func(f *Facts, found func(string, string, ...any)) {
			for _, c := range f.Consumers {
				if c.MaxAck > 0 && c.AckPending*100 >= c.MaxAck*busyAck && c.Pending > 0 {
					found(c.Stream+"/"+c.Name, "%d messages wait for their acknowledgements, of %d that may", c.AckPending, c.MaxAck)
				}
			}
		},
	},
	{
		code: "consumer_lags", severity: Warning,
		why: "What it tells of comes late, or never.", do: "look whether the service that owns the stream runs, and at its log",
		find: func(f *Facts, found func(string, string, ...any)) {
			for _, c := range f.Consumers {
				if c.Pending > maxLag && !c.left(f.At) {
					found(c.Stream+"/"+c.Name, "%d messages wait to be delivered", c.Pending)
				}
			}
		},
	},
	{
		code: "consumer_unused", severity: Notice,
		why: "It remembers for somebody who does not come, and in a work queue keeps what nobody takes.",
		do:  "if nobody will come again: nats consumer rm, with the stream and the consumer %s",
		find: func(f *Facts, found func(string, string, ...any)) {
			for _, c := range f.Consumers {
				if c.left(f.At) {
					found(c.Stream+"/"+c.Name, "%d messages wait, and nobody has asked for them for %s", c.Pending, f.At.Sub(later(c.Active, c.Created)).Round(time.Minute))
				}
			}
		},
	},
}

func each(f *Facts, g func(s Stream)) {
	for _, s := range f.Streams {
		g(s)
	}
}

// share is how much of a stream's bound is used, in per cent.
func (s Stream) share() int64 {
	if s.MaxBytes <= 0 {
		return 0
	}
	return int64(min(s.Bytes, 1<<62) / (max(uint64(s.MaxBytes), 100) / 100))
}

// left tells whether a consumer has something to deliver that nobody has asked for in a long time.
func (c Consumer) left(now time.Time) bool {
	return c.Pending > 0 && c.Waiting == 0 && !c.Bound && now.Sub(later(c.Active, c.Created)) > unused
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
