package pbft

import (
	"crypto/sha256"
	"time"
)

// maxDoublings bounds how often the timeout doubles, to a thousand times the first.
const maxDoublings = 10

// Tick lets time pass. It is to be called at the Deadline of the last Output, and harmless at other times.
func (n *Node) Tick(now time.Time) {
	n.begin(now)
	if n.Done() {
		return
	}
	if !n.timer.IsZero() && !n.now.Before(n.timer) {
		n.leave(n.view + 1)
	}
	if !n.now.Before(n.resendAt) {
		n.repeat()
	}
}

// begin notes the time of a call. Time that goes back stands still.
func (n *Node) begin(now time.Time) {
	if now.After(n.now) {
		n.now = now
	}
	if n.timer.IsZero() {
		n.arm()
	}
}

// arm gives an active view its time anew.
func (n *Node) arm() {
	switch {
	case n.Done() || n.cfg.Learner:
		n.timer = time.Time{}
	case n.active:
		n.timer = n.now.Add(n.timeout())
	}
}

func (n *Node) timeout() time.Duration {
	if n.has(steadyTimer) {
		return n.cfg.Timeout
	}
	return n.cfg.Timeout << min(n.view-n.base, maxDoublings)
}

// interval is how long an answer may take before the message is sent again.
func (n *Node) interval() time.Duration { return n.cfg.Timeout / 2 }

func (n *Node) deadline() time.Time {
	switch {
	case n.Done():
		return time.Time{}
	case n.timer.IsZero() || n.resendAt.Before(n.timer):
		return n.resendAt
	}
	return n.timer
}

// repeat asks for what this node lacks, and sends again what it said and may have been lost.
func (n *Node) repeat() {
	n.resendAt = n.now.Add(n.interval())
	n.send(&Message{Kind: Ask, View: n.installed, Seq: n.next, Stable: n.stable})
	n.sayAgain()
}

// sayAgain sends this node's votes in its view, or for the next one.
func (n *Node) sayAgain() {
	if own := n.changes[n.self]; !n.active && own != nil {
		n.out.Send = append(n.out.Send, own.Encode())
	}
	primary := n.group.primary(n.view) == n.self
	for seq := n.stable + 1; seq <= n.top() && n.active; seq++ {
		s := n.slot(seq)
		if s.cert != nil {
			continue
		}
		if own := s.prepares.vote(n.self); own.sig != nil && primary {
			n.resend(PrePrepare, n.view, seq, own.digest, own.sig, s.value)
		} else if own.sig != nil {
			n.resend(Prepare, n.view, seq, own.digest, own.sig, nil)
		}
		if own := s.commits.vote(n.self); own.sig != nil {
			n.resend(Commit, n.view, seq, own.digest, own.sig, nil)
		}
	}
}

// onAsk sends a member what it lacks. All hear it, so each answer is given once in a while only, whoever asks.
func (n *Node) onAsk(m *Message, i int) {
	if i >= 0 && !n.met[i] { // it has just come, and may have missed everything
		n.met[i] = true
		n.sayAgain()
	}
	first := max(m.Seq, 1)
	for seq := first; seq < n.next && seq-first < maxWindow; seq++ {
		n.help(seq)
	}
	for seq := max(first, n.next); seq <= n.top() && seq-first < maxWindow; seq++ {
		n.help(seq)
	}
	if m.Stable < max(n.mine, n.stable) && n.due(&n.toldMark) {
		if n.stable >= n.mine {
			n.send(&Message{Kind: Checkpoint, Seq: n.stable, Digest: n.chain, Sigs: n.proof})
		} else {
			n.resend(Checkpoint, 0, n.mine, n.mineSum, n.mineSig, nil)
		}
	}
	leads := n.active && n.newView != nil && n.group.primary(n.view) == n.self
	if leads && m.View < n.view && n.due(&n.toldView) {
		n.out.Send = append(n.out.Send, n.newView.Encode())
	}
}

// help sends the decision of a sequence, if there is one.
func (n *Node) help(seq uint64) {
	s := n.slot(seq)
	if s.cert == nil || !n.due(&s.helped) {
		return
	}
	m := &Message{Kind: Decided, View: s.cert.View, Seq: seq, Value: s.cert.Value}
	for _, sig := range s.cert.Signatures {
		m.Sigs = append(m.Sigs, Part{Member: uint16(n.group.find(sig.Member)), Sig: sig.Sig})
	}
	n.send(m)
}

func (n *Node) due(last *time.Time) bool {
	if n.now.Sub(*last) < n.interval()/2 {
		return false
	}
	*last = n.now
	return true
}

func (n *Node) onDecided(m *Message) error {
	if !n.has(overwrite) || n.slot(m.Seq).cert == nil {
		if m.Digest != sha256.Sum256(m.Value) || n.group.proves(Commit, m.View, m.Seq, m.Digest, m.Sigs) != nil {
			return errNotTaken
		}
	}
	n.decide(n.group.certificate(m.View, m.Seq, m.Digest, m.Value, m.Sigs))
	return nil
}
