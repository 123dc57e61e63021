package api

import "time"

// StoreKind is what a store is to JetStream.
type StoreKind string

// The kinds of stores.
const (
	StoreBucket  StoreKind = "bucket"  // a KV bucket; its stream is KV_<namespace>_<name>
	StoreStream  StoreKind = "stream"  // the stream <namespace>_<name>
	StoreObjects StoreKind = "objects" // an object store; its stream is OBJ_<namespace>_<name>
)

// WhenFull is what becomes of a write for which a store has no room.
type WhenFull string

// What full stores do.
const (
	StoreRefuses WhenFull = "refuses" // the write is refused
	StoreDrops   WhenFull = "drops"   // the oldest goes
)

// Store is one bucket, stream or object store that a namespace may have, and what bounds it. A bound of 0 is none; every store has one on its
// bytes. These are the bounds unless the configuration says otherwise (perfmon.log_bytes, perfmon.minute_bytes).
type Store struct {
	Name  string // without the namespace
	Kind  StoreKind
	Owner string // the service whose data it is; "shared" for those that several write

	Bytes    int64         // of all that it holds, with headers and subjects
	Messages int64         // in all
	Each     int64         // messages of one subject, or revisions of one key
	Value    int64         // bytes of one message with its headers; without, what the server takes
	Age      time.Duration // after which what was not written again goes; without, it stays until it is removed
	Full     WhenFull
	// Admitted says that the owner keeps the bound, by what it lets in, and the server knows of none: what was let in is written again until it is
	// done with, and may not be refused then.
	Admitted bool

	Holds string // what is in it
	Until string // what takes it away, besides the bounds
}

// OutboxConsumer is the durable consumer, of any bucket or stream, out of which its service tells of changes.
const OutboxConsumer = "events"

// Stream returns the name of the JetStream stream that holds the store.
func (s Store) Stream(namespace string) string {
	switch s.Kind {
	case StoreBucket:
		return "KV_" + Bucket(namespace, s.Name)
	case StoreObjects:
		return "OBJ_" + Bucket(namespace, s.Name)
	default:
		return Bucket(namespace, s.Name)
	}
}

const (
	mebi = 1 << 20
	gibi = 1 << 30
	day  = 24 * time.Hour
)

// Stores is every store of a namespace: what permissions, back-ups, deletion and the documents go by.
var Stores = []Store{
	bucket("agents", "registry", gibi, 16).holds("registered agents", "it is deregistered; its revisions an hour more"),
	bucket("hosts", "registry", 64*mebi, 16).holds("agent hosts", "it is removed or comes back"),
	bucket("services", "registry", 256*mebi, 16).holds("instances of services", "a day after the end of the instance"),
	bucket("leases", "registry", 64*mebi, 1).holds("one small record for each process", "a day after its end; ten minutes while it is three quarters full"),
	bucket("requests", "shared", gibi, 1).value(2*mebi).age(day).holds("ids of requests, with their answers for 10 minutes", ""),
	bucket("locks", "coordination", 64*mebi, 2).holds("locks with their tickets", "an hour has passed without use"),
	bucket("primitives", "coordination", gibi, 8).holds("cells, barriers, latches, counters, sequences", "it is removed"),
	log("log_coordination", "coordination", 4*gibi).holds("what sessions, protocols and variables were asked", "a verified snapshot that has it"),
	archive("archive", "coordination", 8*gibi).holds("sessions that have ended, with their transcripts", ""),
	log("log_economics", "economics", 8*gibi).holds("what the economy was asked", "a verified snapshot that has it"),
	archive("economics_archive", "economics", 64*gibi).holds("auctions, tenders, contracts and markets that have ended, their transcripts, and pages of statements", ""),
	bucket("economics_keys", "economics", mebi, 1).holds("the key that signs transcripts", ""),
	bucket("snapshots", "shared", 16*mebi, 1).holds("which of the snapshots are the newest that are verified", ""),
	{Name: "snapshots", Kind: StoreObjects, Owner: "shared", Bytes: 4 * gibi, Full: StoreRefuses, Holds: "snapshots of the two logs", Until: "the next one that is verified"},
	bucket("state", "agenthost", gibi, 2).holds("what agents have saved; above 64 KiB in parts", "the agent's deregistration"),
	stream("events", "shared", gibi, StoreDrops).messages(MaxEvents).age(7*day).holds("every change as a CloudEvent, and what anybody appends", ""),
	stream("perf", "perfmon", gibi, StoreDrops).age(time.Hour).holds("what was measured, as batches that every perfmon replica reads", ""),
	stream("perf_minutes", "perfmon", 256*mebi, StoreDrops).age(day).holds("the same by the minute", ""),
	bucket("alert_rules", "perfmon", 16*mebi, 16).holds("rules of alerts, 500 of them", "it is removed"),
	bucket("alerts", "perfmon", 64*mebi, 64).holds("alerts that stand, 10,000 of them", "a day after their end"),
	bucket("alert_letters", "perfmon", 16*mebi, 1).age(7*day).holds("alerts that could not be delivered, 1,000 of them", ""),
	bucket("balance", "loadbalancer", 16*mebi, 16).holds("the configuration of the load balancer, and the newest plan", ""),
	stream("tasks", "agenthost", 8*gibi, StoreRefuses).messages(2_000_000).each(1).admitted().holds("tasks without an outcome", "the outcome"),
	stream("results", "agenthost", 4*gibi, StoreRefuses).each(1).age(7*day).holds("outcomes of tasks", "the job is removed; when it is full, the oldest tenth goes"),
	stream("parts", "agenthost", 2*gibi, StoreDrops).each(MaxTaskParts).age(7*day).holds("what tasks say while they run", "the job is removed"),
	stream("task_state", "agenthost", gibi, StoreRefuses).each(1).age(30*day).holds("checkpoints, questions and answers of tasks", "the outcome"),
	bucket("budgets", "agenthost", 256*mebi, 16).holds("caps on spending, what is spent and reserved", "it is removed"),
	bucket("limits", "agenthost", 64*mebi, 8).value(4<<10).age(3*day).holds("limits on rates that agents share", ""),
	{
		Name: "blobs", Kind: StoreObjects, Owner: "shared", Bytes: 4 * gibi, Age: 7 * day, Full: StoreRefuses,
		Holds: "bodies too large for a message", Until: "the message or task is done with",
	},
	bucket("config", "registry", gibi, 16).holds("the configuration, and the sections that services have registered", ""),
	stream("config_history", "registry", 256*mebi, StoreDrops).messages(MaxConfigHistory).holds("versions of the configuration", ""),
	bucket("secrets", "registry", 256*mebi, 16).holds("secrets, sealed", "it is removed; its revisions an hour more"),
	bucket("secret_keys", "registry", mebi, 16).holds("public keys that secrets are sealed to", ""),
}

// bucket is a KV bucket, of whose keys some revisions are kept. Full ones refuse.
func bucket(name, owner string, bytes, revisions int64) Store {
	return Store{Name: name, Kind: StoreBucket, Owner: owner, Bytes: bytes, Each: revisions, Value: mebi, Full: StoreRefuses}
}

func stream(name, owner string, bytes int64, full WhenFull) Store {
	return Store{Name: name, Kind: StoreStream, Owner: owner, Bytes: bytes, Full: full}
}

// log is the log of a realm, which is purged below a verified snapshot.
func log(name, owner string, bytes int64) Store { return stream(name, owner, bytes, StoreRefuses) }

// archive keeps what has ended, each under a subject of its own.
func archive(name, owner string, bytes int64) Store {
	return stream(name, owner, bytes, StoreDrops).each(1)
}

func (s Store) value(bytes int64) Store     { s.Value = bytes; return s }
func (s Store) age(d time.Duration) Store   { s.Age = d; return s }
func (s Store) messages(n int64) Store      { s.Messages = n; return s }
func (s Store) each(n int64) Store          { s.Each = n; return s }
func (s Store) admitted() Store             { s.Admitted = true; return s }
func (s Store) holds(what, to string) Store { s.Holds, s.Until = what, to; return s }
