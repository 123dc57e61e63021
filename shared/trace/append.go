package trace

import "context"

// StartAppend begins the span of a command on its way through a replicated log: from the queue of the replica until it has applied the
// entry. There is none outside of a trace.
func StartAppend(ctx context.Context, log, command string) (context.Context, Span) {
	ctx, span := StartWithin(ctx, Internal, "append to log "+log)
	span.Text(Log, log)
	span.Text(Command, command)
	return ctx, span
}

// EndAppend ends the span of a command, which stands in the given entry of the log unless err is set.
func (s Span) EndAppend(entry uint64, repeated bool, err error) {
	if entry > 0 {
		s.Number(Entry, int64(min(entry, 1<<63-1))) //nolint:gosec // it fits
	}
	if repeated {
		s.Flag(Repeated)
	}
	s.End(err)
}
