package api

// Algorithms of consensus and voting.
const (
	BallotMajority       = "majority" // the default
	BallotSupermajority  = "supermajority"
	BallotUnanimous      = "unanimous"
	BallotPlurality      = "plurality"
	BallotWeightedQuorum = "weighted_quorum"
	BallotRankedChoice   = "ranked_choice"
	BallotApproval       = "approval"
)

// BallotAlgorithms lists every algorithm of consensus and voting.
var BallotAlgorithms = []string{
	BallotMajority, BallotSupermajority, BallotUnanimous, BallotPlurality, BallotWeightedQuorum, BallotRankedChoice, BallotApproval,
}

// What becomes of a tie for the first place.
const (
	TieNone  = "none"  // there is no decision: the default
	TieFirst = "first" // the option that is listed first wins
)

// Bounds of ballots.
const (
	MaxBallotOptions = 100 // options of one ballot
	MaxRankedOptions = 32  // options of one ranked_choice
	MaxBallotOption  = 200 // bytes of an option
)

// BallotParams are the parameters of consensus and voting. One that the algorithm does not read is refused.
type BallotParams struct {
	// Options are what there is to choose from, at least two; "yes" and "no" unless given. No two may be equal when case and space
	// around them are ignored, and none may be "abstain".
	Options []string `json:"options,omitempty"`
	// Threshold, of supermajority, is the share of the votes that is enough: above 0.5, at most 1; 2/3 unless given. The share is
	// rounded to a millionth before it is compared, so that two of three are 2/3.
	Threshold Decimal `json:"threshold,omitzero"`
	// Quorum, of weighted_quorum, is the share of the weight of all members that must be exceeded: at least 0.5, below 1; 0.5 unless
	// given.
	Quorum Decimal `json:"quorum,omitzero"`
	// Weights, of weighted_quorum, are the members' weights by their ids, from 0 to 1000; 1 for who is not in it. Ids of others are
	// ignored.
	Weights map[string]Decimal `json:"weights,omitempty"`
	// Abstain tells whether a member may answer that it abstains; true unless given.
	Abstain *bool `json:"abstain,omitempty"`
	// MinTurnout is the share of the members who must have answered, abstentions included, for anything to be reached: 0 to 1; 0
	// unless given.
	MinTurnout Decimal `json:"min_turnout,omitzero"`
	// Tie is none or first.
	Tie string `json:"tie,omitempty"`
}

// What a member is to answer.
const (
	BallotChoice    = "choice"    // one option
	BallotRanking   = "ranking"   // options, the best first
	BallotApprovals = "approvals" // all options that it approves of
)

// BallotAsk is what each member is asked, in the phase "vote".
type BallotAsk struct {
	Options []string `json:"options"`
	// Answer is choice, ranking or approvals: the field of the answer that is wanted.
	Answer string `json:"answer"`
	// Abstain tells whether the member may abstain.
	Abstain bool `json:"abstain"`
}

// BallotAnswer is a member's vote: the field that was asked for, or abstain. In place of the object the bare option or list will do,
// "abstain" for an abstention, and true and false where yes and no are options. Case and space around an option do not matter.
type BallotAnswer struct {
	Choice    string   `json:"choice,omitempty"`
	Ranking   []string `json:"ranking,omitempty"`
	Approvals []string `json:"approvals,omitempty"`
	Abstain   bool     `json:"abstain,omitempty"`
	// Reason is for people; it is kept in the transcript.
	Reason string `json:"reason,omitempty"`
}

// BallotResult is the result of consensus and voting.
type BallotResult struct {
	// Decision is the option that leads, whether or not that is enough; absent when none does.
	Decision string `json:"decision,omitempty"`
	// Confidence is the share of the decision in the votes, or, of weighted_quorum, in the weight of all members. With
	// decided_early it is that of the votes so far.
	Confidence Decimal `json:"confidence"`
	// ConsensusReached tells whether the decision is one by the rule of the algorithm.
	ConsensusReached bool `json:"consensus_reached"`
	// Members is how many there are; Participants how many have answered, abstentions included; Abstained how many of those abstained.
	Members      int `json:"members"`
	Participants int `json:"participants"`
	Abstained    int `json:"abstained"`
	// Turnout is the share of participants in members.
	Turnout Decimal `json:"turnout"`
	// Tally is what each option has: votes, approvals, weight, or, of ranked_choice, first places.
	Tally map[string]Decimal `json:"tally"`
	// Tied are the options that share the first place, if there are several, as listed. Of ranked_choice, in the last count.
	Tied []string `json:"tied,omitempty"`
	// Counts are the rounds of elimination of ranked_choice.
	Counts []BallotCount `json:"counts,omitempty"`
	// DecidedEarly tells that the session did not wait for the rest, who could not change decision and consensus_reached any more.
	DecidedEarly bool `json:"decided_early,omitempty"`
}

// BallotCount is one round of elimination.
type BallotCount struct {
	// Tally counts, for each option that is still in, the ballots on which it is the best of those.
	Tally map[string]int `json:"tally"`
	// Exhausted counts the ballots that name none of them.
	Exhausted int `json:"exhausted"`
	// Eliminated is the option that goes; absent in the last round.
	Eliminated string `json:"eliminated,omitempty"`
}
