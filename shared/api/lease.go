package api

// Lease is proof that a process lives. A process holds one, and everything it registers lives by it. It is renewed well
// before it runs out (every Renew), and its holder must stop acting on its own once Hold has passed since it sent the last
// renewal that succeeded.
type Lease struct {
	ID string `json:"id"`
	// Token is what the next renewal must carry; each renewal gives a new one.
	Token string `json:"token"`
	// Renew is how often to renew.
	Renew Duration `json:"renew"`
	// Hold is for how long the holder may act after the send time of its last successful renewal.
	Hold Duration `json:"hold"`
}

// MaxLeases bounds what one principal has in the bucket of leases, out of which every process of the namespace needs one.
const MaxLeases = 1000 // leases of one principal on record, living or ended, that it acquired by requests in strict mode

// Reasons of refusals of leases.
const (
	ReasonLeasesFull = "leases_full" // overloaded: the principal has as many leases as it may
)

// The methods of services/registry about leases, for processes that do not speak JetStream themselves.
var (
	LeasesAcquire = Method[LeaseAcquireRequest, Lease]{
		Service: "registry", Noun: "leases", Verb: "acquire", Write: true,
		Doc: "Gives a process its lease. An id whose lease lives, or has lived, is conflict (already_registered). In strict mode a principal has 1,000 leases on record at most (overloaded, leases_full); those that have ended make room 10 minutes later, or are forgotten after a day.",
	}
	LeasesRenew = Method[LeaseRenewRequest, Lease]{
		Service: "registry", Noun: "leases", Verb: "renew", Write: true,
		Doc: "Renews a lease; a token that is not the newest, or a lease that was declared dead, is fenced (lease_lost).",
	}
	LeasesRelease = Method[LeaseRenewRequest, Empty]{
		Service: "registry", Noun: "leases", Verb: "release", Write: true,
		Doc: "Gives a lease back: all that lives by it is dead at once.",
	}
)

// LeaseAcquireRequest asks for a lease.
type LeaseAcquireRequest struct {
	// ID names the process's incarnation; a fresh random one is best, and is made when it is left out.
	ID string `json:"id,omitempty"`
}

// Validate implements Validator.
func (r *LeaseAcquireRequest) Validate() error { return CheckOptionalID("id", r.ID) }

// LeaseRenewRequest renews or releases a lease.
type LeaseRenewRequest struct {
	ID    string `json:"id"`
	Token string `json:"token"`
}

// Validate implements Validator.
func (r *LeaseRenewRequest) Validate() error {
	if r.Token == "" || len(r.Token) > 256 {
		return Errorf(Invalid, "token is required: it comes with the lease").WithFields("token")
	}
	return CheckID("id", r.ID)
}
