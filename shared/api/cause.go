package api

// Cause says who asked for a change, and by which request: it goes with the change into the store and into its event.
type Cause struct {
	Principal string
	// RequestID makes the change safe to repeat; empty when the caller did not ask for that.
	RequestID string
	// BodyHash is the SHA-256 of the request's method and body, in hex; set with RequestID.
	BodyHash string
	// Traceparent is the W3C trace context of the request.
	Traceparent string
	// Causation is the id of the event on account of which the request is made, or "".
	Causation string
	// Job is the job for which the request is made, or "".
	Job string
}
