package api

// Types of events about who asks. Their data is a Refusal.
const (
	EventRefused  = "mabus.security.refused"  // a principal was refused something
	EventOperated = "mabus.security.operated" // a principal has changed something by a method that only operators are granted; no code and reason
)

// Refusal is who was refused what, how often within a second. Where NATS refuses what it passes on to nobody, What is the subject.
type Refusal struct {
	Principal string `json:"principal,omitempty"` // empty for nobody in particular
	// What is the method as <service>.<noun>.<verb>, or the subject that was published or subscribed to.
	What string `json:"what"`
	// Entity is what was changed by an operator, as the request names it; the noun of the method if it names none.
	Entity string `json:"entity,omitempty"`
	Code   Code   `json:"code"` // permission_denied or unauthenticated
	Reason string `json:"reason,omitempty"`
	Count  int    `json:"count"` // how many equal ones the event stands for
	// LeftOut is how many others of the same second have no event, since there were too many kinds of them: the principal's own, and on one
	// event of the second also those of principals that have no event at all.
	LeftOut int `json:"left_out,omitempty"`
}
