package trace

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/codes"

	"github.com/mabus-project/mabus/shared/api"
)

// maxReason bounds what a span says of an error's reason, in bytes: agents may give any.
const maxReason = 64

// End ends the span, with an error if err is one. Of the error it keeps the code and the reason: the text may quote anything. For a
// server, as in the conventions for RPC, only what the caller could not have avoided is an error of the span.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	if err != nil && s.span.IsRecording() {
		code, reason := codeOf(err)
		s.Text(ErrorType, string(code))
		s.Text(StatusCode, string(code))
		s.Text(Reason, reason)
		if s.kind != Server || serverFault(code) {
			s.span.SetStatus(codes.Error, string(code))
		}
	}
	s.span.End()
}

func codeOf(err error) (code api.Code, reason string) {
	e := api.AsError(err)
	switch {
	case e != nil:
		if reason = e.Details.Reason; len(reason) > maxReason || !api.ValidID(reason) {
			reason = ""
		}
		return e.Code, reason
	case errors.Is(err, context.DeadlineExceeded):
		return api.DeadlineExceeded, ""
	case errors.Is(err, context.Canceled):
		return api.Cancelled, ""
	}
	return api.Internal, ""
}

func serverFault(code api.Code) bool {
	switch code {
	case api.Internal, api.Unavailable, api.DeadlineExceeded, api.Overloaded, api.Unimplemented:
		return true
	}
	return false
}
