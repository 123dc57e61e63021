package archtest

import "regexp"

// maxLines is how long a file may be.
const maxLines = 400

// layer says what the packages in some directories may not import, or what alone they may. Test files are free: a test
// drives a service through the client, over a real server. Packages of the module are written ./dir.
type layer struct {
	name   string
	from   []string
	except []string
	deny   []string
	only   []string // when set, everything else is denied
	std    bool     // with only: the standard library is allowed too
	reason string
}

// layers are the rules of the design's section "Who may import what".
var layers = []layer{
	{
		name: "api", from: []string{"shared/api/..."}, only: []string{"./shared/api/..."}, std: true,
		reason: "the wire contract must be usable by a client, a rule and a store alike: standard library only",
	},
	{
		name: "shared", from: []string{"shared/..."},
		deny:   []string{"./services/...", "./client/...", "./cmd/..."},
		reason: "shared is what the others are built on, so it knows none of them",
	},
	{
		name: "client", from: []string{"client/..."},
		deny:   []string{"./services/...", "./cmd/...", "./shared/natsd/..."},
		reason: "an application that links the SDK must not link the services or a server",
	},
	{
		name: "service", from: []string{"services/..."}, deny: []string{"./cmd/..."},
		reason: "the program starts the services, not the reverse",
	},
	{
		name: "embedded server", from: []string{"..."}, except: []string{"cmd/...", "shared/natstest", "shared/natsd"},
		deny:   []string{"./shared/natsd/..."},
		reason: "whether NATS is embedded is decided in cmd alone, so that no service can ask",
	},
	{
		name: "nats-server", from: []string{"..."}, except: []string{"shared/natsd", "shared/natstest"},
		deny:   []string{"github.com/nats-io/nats-server/..."},
		reason: "the server is linked only through shared/natsd",
	},
	{
		name: "test code", from: []string{"..."}, except: []string{"shared/*test", "services/*/*test", "services/*/*/*test"},
		deny:   []string{"testing/...", "./shared/*test", "./services/*/*test", "./services/*/*/*test", "pgregory.net/rapid", "go.uber.org/goleak"},
		reason: "what only tests need does not go into the program",
	},
}

// pure are the directories of pure rules. A package whose comment begins with "Package x holds the pure rules" is one too,
// wherever it is.
var pure = []string{
	"shared/api/...",
	"services/*/roster/...",
	"services/*/supervise/...",
	"services/*/balance/...",
	"services/coordination/ballot/...",
	"services/coordination/pbft/...",
	"services/economics/auction/...",
	"services/economics/market/...",
	"services/economics/ledger/...",
	"services/economics/reputation/...",
	"client/job",
	"shared/pbft",
	"shared/replog/engine",
	"services/coordination/session",
	"services/coordination/variable",
	"services/coordination/protocol",
}

var pureMark = regexp.MustCompile(`^Package \w+ (holds|is|has) (the )?pure rules\b`)

const pureReason = "rules take time, randomness and ids as arguments and do no I/O, so that they can be tested by the million"

// pureImports is what pure rules may import besides shared/api and other pure rules.
var pureImports = []string{
	"bytes", "cmp", "container/*", "embed", "encoding", "encoding/*", "errors", "fmt", "hash/...", "iter", "maps", "math", "math/big",
	"math/bits", "math/cmplx", "math/rand/v2", "net/url", "path", "reflect", "regexp", "slices", "sort", "strconv", "strings", "time",
	"unicode/...", "crypto/ed25519", "crypto/hmac", "crypto/sha256", "crypto/sha512", "crypto/subtle",
	"gonum.org/v1/gonum/...", "github.com/DataDog/sketches-go/...", "./shared/codec",
}

// pureExtra is what the rules in one place may import beyond that: parsers and matchers that work on what they are given.
var pureExtra = map[string][]string{
	"client/job":  {"github.com/goccy/go-yaml/...", "github.com/bmatcuk/doublestar/v4", "path/filepath"},
	"shared/pbft": {"github.com/nats-io/nkeys"},
	// What is learned of an agent is shared by all who choose at the same time: counters and locks, which are no input or output.
	"shared/balance": {"sync", "sync/atomic"},
	// Reports come in while others read: one lock.
	"shared/hostload": {"sync"},
}

// pureUses restricts the use of what pure rules may import: by package, either what they must not use of it or, if allow
// is set, what alone they may.
var pureUses = map[string]struct{ deny, allow []string }{
	"time": {deny: []string{
		"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Local", "LoadLocation",
	}},
	// Types and constructors that take a seed; the functions draw from a global source.
	"math/rand/v2":                     {allow: []string{"New", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "Source", "PCG", "ChaCha8", "Zipf"}},
	"fmt":                              {deny: []string{"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"}},
	"crypto/ed25519":                   {deny: []string{"GenerateKey"}},
	"github.com/bmatcuk/doublestar/v4": {deny: []string{"Glob", "GlobWalk", "FilepathGlob"}},
	"path/filepath":                    {deny: []string{"Abs", "EvalSymlinks", "Glob", "Walk", "WalkDir"}},
	"github.com/nats-io/nkeys":         {deny: []string{"CreateUser", "CreateAccount", "CreateCluster", "CreateOperator", "CreateServer", "CreatePair", "CreateCurveKeys"}},
	"encoding/json":                    {allow: []string{"RawMessage", "Number", "Marshaler", "Unmarshaler"}},
}

// refusedNames say nothing of what a package holds.
var refusedNames = []string{
	"util", "utils", "common", "types", "helper", "helpers", "misc", "ports", "adapters", "usecase", "usecases",
}
