package natsd

import (
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// serverLog passes the server's log on, and keeps what was fatal: nats-server reports a failed start in no other way.
type serverLog struct {
	log zerolog.Logger
	// refused is the log for violations of permissions, of which a client can make any number.
	refused zerolog.Logger

	mu         sync.Mutex
	fatal      error
	running    bool        // the server has started: nobody returns what is fatal any more
	violations *violations // nil unless somebody wants to hear of them
}

// refusedLines is how many violations a second are logged.
const refusedLines = 10

func newLog(log zerolog.Logger) *serverLog {
	return &serverLog{log: log, refused: log.Sample(&zerolog.BurstSampler{Burst: refusedLines, Period: time.Second})}
}

// Noticef implements server.Logger.
func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug().Msgf(format, v...) }

// Warnf implements server.Logger.
func (l *serverLog) Warnf(format string, v ...any) { l.log.Warn().Msgf(format, v...) }

// Errorf implements server.Logger.
func (l *serverLog) Errorf(format string, v ...any) {
	line := lineOf(format, v)
	l.mu.Lock()
	refused := l.violations.add(line)
	l.mu.Unlock()
	if refused {
		l.refused.Warn().Msg(line)
		return
	}
	if strings.HasSuffix(line, hungUp) {
		l.log.Debug().Msg(line)
		return
	}
	l.log.Error().Msg(line)
}

// hungUp ends the line about a client that said nothing and closed the connection, as Find does once it has been greeted, and health checks do.
const hungUp = "TLS handshake error: EOF"

// hear has violations told from now on, or nobody with nil.
func (l *serverLog) hear(v *violations) (before *violations) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, l.violations = l.violations, v
	return before
}

// Debugf implements server.Logger.
func (l *serverLog) Debugf(format string, v ...any) { l.log.Trace().Msgf(format, v...) }

// Tracef implements server.Logger.
func (l *serverLog) Tracef(format string, v ...any) { l.log.Trace().Msgf(format, v...) }

// Fatalf implements server.Logger. It does not end the process. What is fatal to a start is returned by it, and not logged too.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running {
		l.log.Error().Msgf(format, v...)
	}
	if l.fatal == nil {
		l.fatal = newFatal(format, v)
	}
}

// fatalError is a line about what was fatal, with the error that it tells of.
type fatalError struct {
	line  string
	cause error
}

func newFatal(format string, v []any) error {
	e := &fatalError{line: lineOf(format, v)}
	for _, arg := range v {
		if cause, ok := arg.(error); ok {
			e.cause = cause
		}
	}
	return e
}

func (e *fatalError) Error() string { return e.line }

func (e *fatalError) Unwrap() error { return e.cause }

// started says that the start is over.
func (l *serverLog) started() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running = true
}

func (l *serverLog) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal
}
