package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/meter"
	"github.com/mabus-project/mabus/shared/refusal"
)

// Defaults of a ServerConfig.
const (
	DefaultLimit = 1024 // requests under way
	pendingMsgs  = 64 << 10
	pendingBytes = 256 << 20
)

// ServerConfig describes one replica of a service.
type ServerConfig struct {
	// Service is the second token of its subjects.
	Service string
	// Version is a semantic version, as NATS micro requires.
	Version string
	// Description is shown by discovery.
	Description string
	// Nouns are those of the methods, when another server of the process has the rest of the service; all unless given.
	Nouns []string
	// Limit is the number of requests under way above which others are refused as overloaded; DefaultLimit unless given.
	Limit int
	// Strict refuses state changes that name no principal.
	Strict  bool
	Log     zerolog.Logger
	Metrics prometheus.Registerer
}

// Metadata of a service at NATS micro: parts of one replica have the same instance, and each names the nouns of its methods, with spaces
// between; none for all of them.
const (
	MetaInstance = "instance"
	MetaNouns    = "nouns"
)

// Server is one replica of a service. Add methods with Handle, then Start.
type Server struct {
	conn    *Conn
	cfg     ServerConfig
	base    context.Context
	cancel  context.CancelFunc
	pool    *Pool[request]
	outbox  outbox
	metrics *metrics
	op      *meter.Operation // all methods
	unmeter func()
	methods []*method
	byName  map[string]*method // by <noun>.<verb>
	svc     micro.Service
	subs    []*nats.Subscription

	private  bool            // principals have credentials that keep them apart
	refusals *refusal.Teller // nil unless private or strict
	operated *refusal.Teller // nil unless private or strict

	stopping atomic.Bool
	started  atomic.Bool
	overruns atomic.Uint64
	overrun  atomic.Int64 // when one was logged, in Unix seconds
}

type method struct {
	api.Descriptor
	subject string // empty for the method's own subject
	serve   func(ctx context.Context, body []byte) ([]byte, error)
	direct  DirectHandler // in place of serve
	metrics methodMetrics
	// operators says that the method changes something and only operators are granted it.
	operators bool
}

// request is a message that waits for, or has, a worker.
// arrivals counts the requests that have come to this process.
var arrivals atomic.Uint64

type request struct {
	arrived   uint64
	method    *method
	principal string
	reply     string
	header    nats.Header
	data      []byte
}

// NewServer returns a server without methods.
func NewServer(conn *Conn, cfg ServerConfig) *Server {
	if cfg.Limit <= 0 {
		cfg.Limit = DefaultLimit
	}
	s := &Server{conn: conn, cfg: cfg, byName: map[string]*method{}, outbox: outbox{publish: conn.NC.PublishMsg}}
	s.base, s.cancel = context.WithCancel(context.Background())
	s.pool = NewPool(cfg.Limit, s.answer)
	s.metrics = newMetrics(cfg.Metrics, cfg.Service, func() float64 { return float64(s.pool.Busy()) })
	s.meter()
	if s.private = conn.Kind() != ""; s.private || cfg.Strict {
		s.refusals = refusal.New(conn.Namespace, conn.teller(cfg.Service), conn.storeEvent, cfg.Log)
		s.operated = refusal.NewOperated(conn.Namespace, conn.teller(cfg.Service), conn.storeEvent, cfg.Log)
	}
	return s
}

// Start registers the service with NATS micro and begins to answer.
func (s *Server) Start() error {
	svc, err := micro.AddService(s.conn.NC, micro.Config{
		Name: "mabus-" + s.cfg.Service, Version: s.cfg.Version, Description: s.cfg.Description,
		Metadata:     map[string]string{"namespace": s.conn.Namespace, MetaInstance: s.conn.state.instance, MetaNouns: strings.Join(s.cfg.Nouns, " ")},
		ErrorHandler: func(_ micro.Service, e *micro.NATSError) { s.trouble(e) },
	})
	if err != nil {
		return fmt.Errorf("register service %s: %w", s.cfg.Service, err)
	}
	s.svc = svc
	for _, m := range s.methods {
		if err := s.listen(m); err != nil {
			return errors.Join(err, svc.Stop())
		}
	}
	if err := s.listenAs(); err != nil {
		return errors.Join(err, svc.Stop())
	}
	s.started.Store(true)
	return nil
}

// listen subscribes one method. Its handler only passes the message on, because NATS micro runs one handler at a time.
func (s *Server) listen(m *method) error {
	opts := []micro.EndpointOpt{micro.WithEndpointPendingLimits(pendingMsgs, pendingBytes)}
	name := m.Noun + "-" + m.Verb
	if m.subject == "" {
		meta, err := schemas(m.Descriptor)
		if err != nil {
			return err
		}
		opts = append(opts, micro.WithEndpointSubject(api.MethodSubject(s.conn.Namespace, m.Service, m.Noun, m.Verb)), micro.WithEndpointMetadata(meta))
	} else {
		name += "-here"
		opts = append(opts, micro.WithEndpointSubject(m.subject), micro.WithEndpointQueueGroupDisabled())
	}
	err := s.svc.AddEndpoint(name, micro.HandlerFunc(func(r micro.Request) {
		s.accept(request{method: m, reply: r.Reply(), header: nats.Header(r.Headers()), data: r.Data()})
	}), opts...)
	if err != nil {
		return fmt.Errorf("listen for %s: %w", m.Name(), err)
	}
	if m.subject == "" {
		return nil // listenAs serves its other form
	}
	return s.subscribeAs(m.subject, "", func(string) *method { return m })
}

// listenAs subscribes the form that names the principal, for all methods of the service at once.
func (s *Server) listenAs() error {
	if err := s.conn.ListenForCancels(); err != nil {
		return err
	}
	own := s.conn.Namespace + "." + s.cfg.Service + "."
	subjects := []string{own + ">"}
	if len(s.cfg.Nouns) > 0 {
		subjects = subjects[:0]
		for _, noun := range s.cfg.Nouns {
			subjects = append(subjects, own+noun+".>")
		}
	}
	for _, subject := range subjects {
		err := s.subscribeAs(subject, micro.DefaultQueueGroup, func(subject string) *method { return s.byName[subject[len(own):]] })
		if err != nil {
			return err
		}
	}
	for begin := time.Now(); ; { // a starved server takes its time to hear of all subscriptions
		switch err := s.conn.NC.FlushTimeout(connectTimeout); {
		case err == nil:
			return nil
		case s.conn.NC.IsClosed() || time.Since(begin) > listenTimeout:
			return fmt.Errorf("listen: %w", err)
		case !s.conn.NC.IsConnected():
			return nil // the subscriptions come with the connection when it is back
		}
	}
}

// subscribeAs takes requests on the as form of a subject; find gets the subject without the principal.
func (s *Server) subscribeAs(subject, queue string, find func(subject string) *method) error {
	ns := s.conn.Namespace
	sub, err := s.conn.NC.QueueSubscribe(api.As(ns, "*", subject), queue, func(msg *nats.Msg) {
		principal, rest, _ := strings.Cut(msg.Subject[len(ns)+len(".as."):], ".")
		m := find(ns + "." + rest)
		if m == nil && s.private && !OwnInbox(principal, msg.Reply) {
			return
		}
		if m == nil {
			_ = s.conn.ReplyError(msg.Reply, api.Errorf(api.Unimplemented, "there is no method %s", rest))
			return
		}
		s.accept(request{method: m, principal: principal, reply: msg.Reply, header: msg.Header, data: msg.Data})
	})
	if err != nil {
		return fmt.Errorf("listen for principals: %w", err)
	}
	if err := sub.SetPendingLimits(pendingMsgs, pendingBytes); err != nil {
		return fmt.Errorf("listen for principals: %w", err)
	}
	s.subs = append(s.subs, sub)
	return nil
}

// accept gives the request to a worker, or refuses it at once.
func (s *Server) accept(r request) {
	if s.private && !s.mayAnswer(r) {
		s.tellRefusal(r, api.PermissionDenied, api.ReasonForeignReply)
		return
	}
	if r.method.direct != nil {
		s.takeDirect(r)
		return
	}
	r.arrived = arrivals.Add(1)
	if !s.pool.Submit(r) {
		if s.stopping.Load() {
			_ = s.conn.ReplyError(r.reply, api.Errorf(api.Unavailable, "this replica of %s is stopping: ask again", s.cfg.Service).WithReason(api.ReasonDraining))
			return
		}
		e := api.Errorf(api.Overloaded, "%s has %d requests under way: try again later", s.cfg.Service, s.cfg.Limit).WithReason(api.ReasonServerFull)
		r.method.metrics.refused(e)
		_ = s.conn.ReplyError(r.reply, e)
	}
}

// Stop leaves the queue group, waits for the requests under way until ctx ends, and then cancels what is left. A request
// that was delivered and not begun is refused as unavailable (draining).
func (s *Server) Stop(ctx context.Context) error {
	defer s.cancel()
	defer s.unmeter()
	if s.refusals != nil {
		defer s.refusals.Close()
		defer s.operated.Close()
	}
	s.stopping.Store(true)
	s.awaitConnection(ctx)
	var errs []error
	for _, sub := range s.subs {
		errs = append(errs, sub.Drain()) // what has been delivered is still answered
	}
	if s.svc != nil {
		errs = append(errs, s.svc.Stop())
	}
	if s.conn.NC.IsConnected() {
		errs = append(errs, s.flush(ctx), s.awaitHandlers(ctx)) // after which nothing more is delivered
	} else {
		errs = nil // there is nobody to say goodbye to
	}
	return errors.Join(append(errs, s.pool.Close(ctx))...)
}

// flush waits until the server has taken everything in, also one that is slow, unless the connection goes away or ctx ends.
func (s *Server) flush(ctx context.Context) error {
	for {
		err := s.conn.NC.FlushTimeout(connectTimeout)
		if !errors.Is(err, nats.ErrTimeout) || ctx.Err() != nil || !s.conn.NC.IsConnected() {
			return err
		}
	}
}

// awaitHandlers waits until what has been delivered is taken in: a flush says no more than that it waits in this process, and what is handled
// without a slot would come after the end.
func (s *Server) awaitHandlers(ctx context.Context) error {
	over := make(chan struct{})
	if err := s.conn.NC.Barrier(func() { close(over) }); err != nil {
		return err
	}
	t := time.NewTimer(connectTimeout)
	defer t.Stop()
	select {
	case <-over:
	case <-t.C: // another subscription of the connection is busy
	case <-ctx.Done():
	}
	return nil
}

// awaitConnection waits a moment for a connection that is away: a subscription that is drained without one comes back with the next,
// and takes requests that nobody answers.
func (s *Server) awaitConnection(ctx context.Context) {
	if !s.conn.NC.IsReconnecting() {
		return
	}
	back := s.conn.NC.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer s.conn.NC.RemoveStatusListener(back)
	if !s.conn.NC.IsReconnecting() {
		return
	}
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-back:
	case <-t.C:
	case <-ctx.Done():
	}
}
