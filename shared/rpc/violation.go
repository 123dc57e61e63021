package rpc

import (
	"errors"
	"regexp"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// The server refuses what a connection may not publish or subscribe to by a word on the connection, behind which no answer follows. Whoever
// waits for one is told at once, in place of waiting until its time is over.

var violation = regexp.MustCompile(`(?i)permissions violation for (publish|subscription) to "([^"]*)"`)

// watchRefusals has the connection's handlers tell those who wait. It is called before NATS micro puts its own before them.
func (c *Conn) watchRefusals() {
	onError, onClosed, onReconnect := c.NC.ErrorHandler(), c.NC.ClosedHandler(), c.NC.ReconnectHandler()
	c.NC.SetErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
		switch {
		case errors.Is(err, nats.ErrPermissionViolation):
			c.refused(err.Error())
		case isCredentials(err): // there may be new ones under the same name
			c.state.inbox.close(c.notTaken(api.Unavailable, err))
		}
		if onError != nil {
			onError(nc, sub, err)
		}
	})
	c.NC.SetReconnectHandler(func(nc *nats.Conn) {
		c.state.inbox.reopen()
		if onReconnect != nil {
			onReconnect(nc)
		}
	})
	c.NC.SetClosedHandler(func(nc *nats.Conn) {
		if err := nc.LastError(); isCredentials(err) {
			c.state.inbox.close(c.notTaken(api.Unauthenticated, err))
		}
		if onClosed != nil {
			onClosed(nc)
		}
	})
}

// watchStores is watchRefusals for the connection of a host to its stores. Whether its credentials hold is for the other one to tell: this one
// tries again until that has ended. A host that nobody reaches any more must not renew its lease, or take tasks.
func (c *Conn) watchStores(stores *nats.Conn) {
	onError, onClosed := stores.ErrorHandler(), c.NC.ClosedHandler()
	c.NC.SetClosedHandler(func(nc *nats.Conn) {
		stores.Close()
		if onClosed != nil {
			onClosed(nc)
		}
	})
	stores.SetErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
		if match := violation.FindStringSubmatch(err.Error()); errors.Is(err, nats.ErrPermissionViolation) && match != nil {
			c.state.stores.refuse(match[2], c.notGranted(match[2]))
		}
		if onError != nil {
			onError(nc, sub, err)
		}
	})
}

// isCredentials tells whether the server has closed a connection because it takes its credentials no longer.
func isCredentials(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) || errors.Is(err, nats.ErrAccountAuthExpired)
}

func (c *Conn) notTaken(code api.Code, err error) *api.Error {
	return api.Errorf(code, "the server takes the credentials of %s no longer (%v): ask an operator for new ones", orYou(c.state.identity.name), err).
		WithReason(api.ReasonCredentials)
}

// refused takes in what the server said of a publication or a subscription.
func (c *Conn) refused(text string) {
	match := violation.FindStringSubmatch(text)
	if match == nil {
		return
	}
	subject := match[2]
	if strings.HasPrefix(subject, "$JS.") && c.Kind() == "" { // a kind says what it may, and a host may not do everything
		c.state.noStores.Store(true)
	}
	if strings.EqualFold(match[1], "publish") {
		c.state.inbox.refuse(subject, c.notGranted(subject))
		return
	}
	c.state.inbox.deaf(subject, c.notGranted(subject))
}

// notGranted says what credentials it takes to ask on a subject.
func (c *Conn) notGranted(subject string) *api.Error {
	who, to := orYou(c.state.identity.name), ""
	if c.Kind() != "" {
		who += " (" + string(c.Kind()) + ")"
	}
	if d := methodOf(c.Namespace, subject); d != nil && !d.GrantedTo(c.Kind()) {
		to = "; " + d.Name() + " is granted to kind " + string(d.Least()) + " and above"
	}
	return api.Errorf(api.PermissionDenied, "NATS does not let the credentials of %s use %s%s: ask an operator for credentials that may (mabus auth add)", who, subject, to).
		WithReason(api.ReasonNotGranted)
}

// methodOf returns the method that a subject, in either form, stands for, or nil.
func methodOf(namespace, subject string) *api.Descriptor {
	rest, ok := strings.CutPrefix(subject, namespace+".")
	if !ok {
		return nil
	}
	if as, ok := strings.CutPrefix(rest, "as."); ok {
		_, rest, _ = strings.Cut(as, ".")
	}
	for i := range api.Methods {
		if api.Methods[i].Name() == rest {
			return &api.Methods[i]
		}
	}
	return nil
}

// refuse tells those who have asked on a subject that the server has not passed it on.
func (b *inbox) refuse(subject string, e *api.Error) {
	b.tell(e, func(w waiter) bool { return w.asked == subject })
}

// deaf takes in that the server refuses a subscription. If it is that of the inbox itself, nobody here hears any answer.
func (b *inbox) deaf(subject string, e *api.Error) {
	b.mu.Lock()
	own := b.prefix != "" && subject == b.prefix+".>"
	b.mu.Unlock()
	if own {
		b.close(e)
	}
}

// reopen hears again.
func (b *inbox) reopen() {
	b.mu.Lock()
	b.closed = nil
	b.mu.Unlock()
}

// close tells all who wait why nothing comes any more, and those who come later.
func (b *inbox) close(e *api.Error) {
	b.mu.Lock()
	b.closed = e
	b.mu.Unlock()
	b.tell(e, func(waiter) bool { return true })
}

// tell gives an error, in the form of an answer, to some of those who wait.
func (b *inbox) tell(e *api.Error, whom func(w waiter) bool) {
	var found []waiter
	b.mu.Lock()
	for _, w := range b.waiting {
		if whom(w) {
			found = append(found, w)
		}
	}
	b.mu.Unlock()
	if len(found) == 0 {
		return
	}
	body, err := codec.Marshal(e)
	if err != nil {
		return
	}
	for _, w := range found {
		msg := &nats.Msg{Subject: w.reply, Data: body}
		setHeader(msg, api.HeaderErrorCode, string(e.Code))
		setHeader(msg, api.HeaderError, singleLine(e.Message))
		w.hear(msg)
	}
}
