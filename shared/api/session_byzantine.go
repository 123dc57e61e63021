package api

import "encoding/json"

// The phases of a session of type byzantine_consensus, and of the question that a host asks its agent meanwhile.
const (
	PhaseJoin     = "join"     // no ask: the member's host answers ByzantineKey
	PhaseRun      = "run"      // ask: ByzantineRun; the member's host answers ByzantineOutcome
	PhaseValidate = "validate" // ask: ByzantineProposal; the agent answers true or false, "yes" or "no", or {"valid": true or false}
)

// Bounds of a session of type byzantine_consensus.
const (
	MaxByzantineMembers  = 100      // members of a byzantine session
	MaxByzantineProposal = 32 << 10 // bytes of the question, which is the proposal: a certificate repeats it
)

// FaultDomain is what fails as one: see ByzantineParams.
type FaultDomain string

// The domains of faults.
const (
	FaultAgent FaultDomain = "agent" // each member by itself; the default
	FaultHost  FaultDomain = "host"  // all members of a host at once
)

// ByzantineParams are the parameters of a session of type byzantine_consensus.
type ByzantineParams struct {
	// F is how many members may lie and fall silent at most; 1 unless given. It takes 3f+1 members.
	F *int `json:"f,omitempty"`
	// FaultDomain says who counts as one of these: with host it takes 3f+1 different hosts.
	FaultDomain FaultDomain `json:"fault_domain,omitempty"`
	// Timeout is how long a primary has before the members replace it, twice as long with each that follows; 2s unless given. The
	// members' answer to "is it valid?" counts in it.
	Timeout Duration `json:"timeout,omitzero"`
}

// ByzantineKey is the answer to the question join.
type ByzantineKey struct {
	// Key is the public key of a NATS user ("U..."), made for this session and member.
	Key string `json:"key"`
	// Host is the id of the agent host, by its own account.
	Host string `json:"host"`
}

// ByzantineMember is a member of a session of type byzantine_consensus.
type ByzantineMember struct {
	ID  string `json:"id"`
	Key string `json:"key"`
	// Host is "" for a member that has not joined: nobody has the private half of its key.
	Host string `json:"host,omitempty"`
}

// ByzantineRun asks a host to run the protocol for its agent.
type ByzantineRun struct {
	// Members are all of them, in the order in which they are primaries.
	Members []ByzantineMember `json:"members"`
	F       int               `json:"f"`
	// Value is the proposal. Members vote for no other.
	Value json.RawMessage `json:"value"`
	// Timeout is that of ByzantineParams.
	Timeout Duration `json:"timeout"`
}

// ByzantineProposal is what an agent is asked to judge.
type ByzantineProposal struct {
	Value json.RawMessage `json:"value"`
}

// ByzantineOutcome is the answer to the question run.
type ByzantineOutcome struct {
	// Certificate is a pbft.Certificate.
	Certificate json.RawMessage `json:"certificate"`
}

// ByzantineResult is the result of a session of type byzantine_consensus.
type ByzantineResult struct {
	// Decision is the value that was decided: the session's question.
	Decision json.RawMessage `json:"decision"`
	// View is the number of primaries that were replaced.
	View uint64 `json:"view"`
	// F is how many faulty members the session was to survive. FByKeys and FByHosts are how many it survives if whoever holds a
	// key, or runs a host, can make all members lie that have it; they count the members that have joined.
	F        int `json:"f"`
	FByKeys  int `json:"f_by_keys"`
	FByHosts int `json:"f_by_hosts"`
	// Certificate is a pbft.Certificate: the members' signatures, which anybody can check.
	Certificate json.RawMessage `json:"certificate"`
}
