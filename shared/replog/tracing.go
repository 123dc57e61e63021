package replog

import "github.com/mabus-project/mabus/shared/trace"

// maxLinks is how many of a batch's commands its span names at most.
const maxLinks = 64

// span begins the span of a batch, if one of its commands is part of a trace that is kept: from its first publication until it was seen
// in the log. It is within the first of them, and linked to the others, since one entry of the log carries them all.
func (l *Log[S]) span(calls []*call) trace.Span {
	if !trace.On() {
		return trace.Span{}
	}
	var span trace.Span
	links := 0
	for _, c := range calls {
		switch {
		case c.parent == "":
		case links == 0:
			_, span = trace.Start(trace.Remote(l.ctx, c.parent), trace.Producer, "publish log "+l.cfg.Realm)
			links++
		case links < maxLinks:
			span.Link(c.parent)
			links++
		}
	}
	span.Text(trace.Messaging, trace.NATS)
	span.Text(trace.Operation, "send")
	span.Text(trace.OperationIs, "publish")
	span.Text(trace.Destination, l.store.subject)
	span.Number(trace.BatchSize, int64(len(calls)))
	span.Text(trace.Log, l.cfg.Realm)
	return span
}
