package api_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
)

func TestWhatIsAFaultOfWhoWasAsked(t *testing.T) {
	if api.IsFault(nil) || !api.IsFault(errors.New("anything else")) || !api.IsFault(fmt.Errorf("asked: %w", api.Errorf(api.Unavailable, "x"))) {
		t.Error("no error is none, and one without a code is")
	}
	// Every code, by itself and with each reason that says more.
	const plain = ""
	faults := map[api.Code][]string{
		api.Internal: {plain, api.ReasonAgentError}, api.Unavailable: {plain, api.ReasonAgentCrashed, api.ReasonEndpointError, api.ReasonBreakerOpen},
		api.Overloaded: {plain, api.ReasonMailboxFull, api.ReasonAgentError}, api.DeadlineExceeded: {plain, api.ReasonTimeout},
		api.FailedPrecondition: {api.ReasonAgentError, api.ReasonAgentCrashed, api.ReasonOutOfMemory},
		api.PermissionDenied:   {api.ReasonEndpointError}, api.Fenced: {api.ReasonStaleState},
	}
	refusals := map[api.Code][]string{
		api.Invalid: {plain, api.ReasonAgentError}, api.NotFound: {plain, api.ReasonAgentError}, api.Conflict: {plain},
		api.FailedPrecondition: {plain, api.ReasonEndpointError, api.ReasonNoReader, api.ReasonBudgetExhausted}, api.PermissionDenied: {plain, api.ReasonAgentError},
		api.Unauthenticated: {plain}, api.RateLimited: {plain, api.ReasonRateLimit, api.ReasonAgentError}, api.Cancelled: {plain, api.ReasonAgentError},
		api.Fenced: {plain, api.ReasonStaleToken, api.ReasonLeaseLost}, api.Unimplemented: {plain},
	}
	for _, code := range api.Codes {
		if len(faults[code])+len(refusals[code]) == 0 {
			t.Errorf("nothing is said of %s", code)
		}
		for want, reasons := range map[bool][]string{true: faults[code], false: refusals[code]} {
			for _, reason := range reasons {
				if err := api.Errorf(code, "x").WithReason(reason); api.IsFault(err) != want {
					t.Errorf("%v: want %v", err, want)
				}
			}
		}
	}
}
