package natsd

import (
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/mabus-project/mabus/shared/credential"
)

// Violation is what the server has refused to a client, since its permissions do not have it.
type Violation struct {
	// Principal is whose credentials the client has, and Namespace the name of their account; both are empty if the client is gone.
	Principal, Namespace string
	// Subject that was published or subscribed to.
	Subject   string
	Subscribe bool
	// Lost is how many violations came before this one since the last, and were not told because there were too many.
	Lost uint64
}

// violationQueue is how many violations wait to be told. What is beyond is counted.
const violationQueue = 256

// The server tells of violations in its log alone: "<address> - cid:<id> - <what the client says of itself> - Publish Violation - Subject "x"".
// The client chooses its name and, but for spaces, the subject, so the id is what stands first, and the subject what stands last.
var violationLine = regexp.MustCompile(`^\S+ - [a-z_]+:(\d+) - (?:.* - )?(Publish|Subscription) Violation - (?:Subject|Reply) ("(?:[^"\\ ]|\\[^ ])*")(?:, Queue: "(?:[^"\\ ]|\\[^ ])*")?[^"]*$`)

// found is a line of the log that was understood.
type found struct {
	client    uint64
	subject   string
	subscribe bool
}

// violations tells of violations one after the other.
type violations struct {
	nats  *server.Server
	tell  func(Violation)
	queue chan found
	lost  atomic.Uint64
	run   sync.WaitGroup
}

func newViolations(nats *server.Server, tell func(Violation)) *violations {
	v := &violations{nats: nats, tell: tell, queue: make(chan found, violationQueue)}
	v.run.Go(v.loop)
	return v
}

// add takes a line of the log, and tells whether it is about a violation. It never waits.
func (v *violations) add(line string) bool {
	f, ok := understand(line)
	if !ok {
		return false
	}
	if v == nil {
		return true
	}
	select {
	case v.queue <- f:
	default:
		v.lost.Add(1)
	}
	return true
}

func understand(line string) (f found, ok bool) {
	match := violationLine.FindStringSubmatch(line)
	if match == nil {
		return f, false
	}
	subject, err := strconv.Unquote(match[3])
	if err != nil {
		subject = match[3][1 : len(match[3])-1]
	}
	if f.client, err = strconv.ParseUint(match[1], 10, 64); err != nil {
		return f, false
	}
	f.subject, f.subscribe = subject, match[2] == "Subscription"
	return f, true
}

func (v *violations) loop() {
	for f := range v.queue {
		out := Violation{Subject: f.subject, Subscribe: f.subscribe, Lost: v.lost.Swap(0)}
		out.Principal, out.Namespace = v.who(f.client)
		v.tell(out)
	}
}

// who is a client by its credentials.
func (v *violations) who(client uint64) (principal, namespace string) {
	list, err := v.nats.Connz(&server.ConnzOptions{CID: client, Username: true, State: server.ConnAll})
	if err != nil || len(list.Conns) != 1 {
		return "", ""
	}
	c := list.Conns[0]
	id, err := credential.IdentityIn(c.JWT)
	if err != nil {
		return "", c.NameTag
	}
	return id.Name, c.NameTag
}

// close tells what is left. Nothing may be added any more.
func (v *violations) close() {
	if v != nil {
		close(v.queue)
		v.run.Wait()
	}
}

// lineOf is what the server writes.
func lineOf(format string, args []any) string {
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}
