package replogsim

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// patience is how long a client waits for an answer, before it asks another replica.
const patience = 3 * time.Second

// client makes one request.
type client[S any] struct {
	w       *world[S]
	tag     string // the hash of its command, which no other command has
	command engine.Command
	tries   int
	over    bool
	reply   *engine.Reply // what it was answered
}

func (w *world[S]) newClient(n int, at time.Duration) {
	c := &client[S]{w: w, tag: fmt.Sprintf("#%d", n)}
	w.clients = append(w.clients, c)
	w.after(at, func() {
		c.command = w.Command(w.rng, w.time())
		c.command.Principal, c.command.Hash = fmt.Sprintf("p%d", w.rng.IntN(3)), c.tag
		switch w.rng.IntN(3) { // the third has no id
		case 0:
			c.command.ID = fmt.Sprintf("id%d", n)
		case 1:
			c.command.ID = uuid(w.time().Add(w.between(-time.Second, 5*time.Second)), n)
		}
		c.try()
	})
}

// uuid returns a UUIDv7.
func uuid(at time.Time, n int) string {
	ms := at.UnixMilli()
	b := []byte{byte(ms >> 40), byte(ms >> 32), byte(ms >> 24), byte(ms >> 16), byte(ms >> 8), byte(ms), 0x70, 0, 0x80, 0, 0, 0, 0, 0, byte(n >> 8), byte(n)}
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// try asks a replica, and another one when there is no answer and it is safe to ask again.
func (c *client[S]) try() {
	w := c.w
	if c.over {
		return
	}
	if c.tries++; c.tries > 20 {
		c.over = true
		return
	}
	try := c.tries
	r := w.replicas[w.rng.IntN(len(w.replicas))]
	asked := false
	if !w.chance(10 * w.loss) {
		w.after(w.latency(), func() {
			if !r.live {
				w.after(w.between(100*time.Millisecond, time.Second), c.tryAfter(try))
				return
			}
			asked = true
			r.enqueue(c.command, func(reply engine.Reply) { c.hear(reply, try) })
		})
	}
	w.after(patience, func() {
		if c.command.ID == "" && asked {
			c.over = true // it may have happened
		} else {
			c.tryAfter(try)()
		}
	})
}

// tryAfter tries again, unless that was done.
func (c *client[S]) tryAfter(try int) func() {
	return func() {
		if c.tries == try {
			c.try()
		}
	}
}

// hear gets an answer, unless that is lost.
func (c *client[S]) hear(reply engine.Reply, try int) {
	w := c.w
	if w.chance(10 * w.loss) {
		w.say("the answer to %s is lost", c.tag)
		return
	}
	w.after(w.latency(), func() {
		if reply.Repeated {
			w.result.Repeated++
		}
		if c.reply == nil {
			w.result.Answered++
			w.say("%s has its answer at try %d: %s", c.tag, try, show(reply))
		} else if !sameReply(*c.reply, reply) {
			w.fail("%s was answered %s, and then %s", c.tag, show(*c.reply), show(reply))
		}
		c.reply, c.over = &reply, true
	})
}

// show is a reply as people and comparisons see it.
func show(r engine.Reply) string {
	if r.Err != nil {
		return r.Err.Error()
	}
	return string(r.Answer)
}

func sameReply(a, b engine.Reply) bool { return show(a) == show(b) }
