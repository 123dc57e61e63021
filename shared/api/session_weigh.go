package api

import "encoding/json"

// Algorithms of weighted_consensus: where the members' weights come from.
const (
	WeighExpertise   = "expertise"   // what is known of each: the default
	WeighPerformance = "performance" // past performance alone
	WeighEqual       = "equal"       // 1 for each
)

// WeighAlgorithms lists every algorithm of weighted_consensus.
var WeighAlgorithms = []string{WeighExpertise, WeighPerformance, WeighEqual}

// Bounds of weighted_consensus.
const (
	MaxWeighMembers     = 50  // members of a weighted_consensus
	MaxWeighExperts     = 200 // members of whom something is known
	MaxWeighRecords     = 100 // assessments, or feedback, of one member
	WeighAssessmentsFor = 10  // assessments that count, the newest
	WeighFeedbackFor    = 5   // feedback that counts, the newest
)

// WeighParams are the parameters of weighted_consensus.
type WeighParams struct {
	// Threshold is the share of the weight of all members that must be for the proposal, or against it, for consensus: above 0.5, at
	// most 1; 0.6 unless given.
	Threshold Decimal `json:"threshold,omitzero"`
	// Factors are what the parts of expertise count; read by expertise alone.
	Factors *WeighFactors `json:"factors,omitempty"`
	// Experts is what is known of the members, by their ids. Ids of others are ignored; equal reads none of it.
	Experts map[string]WeighExpert `json:"experts,omitempty"`
}

// WeighFactors are what the parts of expertise count: each 0 to 1, together 1.
type WeighFactors struct {
	Accuracy        Decimal `json:"accuracy"`         // 0.3 unless factors are given
	Consistency     Decimal `json:"consistency"`      // 0.2
	DomainKnowledge Decimal `json:"domain_knowledge"` // 0.3
	PastPerformance Decimal `json:"past_performance"` // 0.2
}

// WeighExpert is what is known of a member. All numbers are 0 to 1; what nothing is known of is 0.5.
type WeighExpert struct {
	// Accuracy and Consistency are the means of the ten newest assessments unless given.
	Accuracy        *Decimal `json:"accuracy,omitempty"`
	Consistency     *Decimal `json:"consistency,omitempty"`
	DomainKnowledge *Decimal `json:"domain_knowledge,omitempty"`
	// PastPerformance is the mean of the five newest feedbacks unless given.
	PastPerformance *Decimal `json:"past_performance,omitempty"`
	// Assessments and Feedback are the history, the oldest first.
	Assessments []WeighAssessment `json:"assessments,omitempty"`
	Feedback    []WeighFeedback   `json:"feedback,omitempty"`
}

// WeighAssessment is one look at a member's expertise.
type WeighAssessment struct {
	Accuracy    Decimal `json:"accuracy"`
	Consistency Decimal `json:"consistency"`
}

// WeighFeedback is what came of one piece of a member's work; it counts as the mean of the two.
type WeighFeedback struct {
	Accuracy   Decimal `json:"accuracy"`
	Efficiency Decimal `json:"efficiency"`
}

// WeighAsk is what each member is asked, in the phase "vote".
type WeighAsk struct {
	// Weight is the member's own.
	Weight Decimal `json:"weight"`
}

// WeighAnswer is a member's vote. In place of the object the bare vote will do.
type WeighAnswer struct {
	// Vote is true or "approve", false or "reject", "neutral", or a number from 0 to 1: how much the member is for the proposal.
	// "yes" and "no" will do too, and case and space around a word do not matter.
	Vote json.RawMessage `json:"vote"`
	// Confidence is how sure it is, from 0 to 1; 1 unless given.
	Confidence *Decimal `json:"confidence,omitempty"`
	// Reason is for people; it is kept in the transcript.
	Reason string `json:"reason,omitempty"`
}

// Decisions of weighted_consensus, by the mean vote.
const (
	WeighStrongApprove = "strong_approve" // at least 0.7
	WeighApprove       = "approve"        // at least 0.5
	WeighNeutral       = "neutral"        // at least 0.3
	WeighReject        = "reject"         // less
	WeighNoDecision    = "no_decision"    // nobody has voted with any confidence
)

// What a weighted_consensus comes to.
const (
	WeighAccepted  = "accepted"  // enough weight is for the proposal
	WeighRejected  = "rejected"  // enough weight is against it
	WeighUndecided = "undecided" // neither
)

// WeighResult is the result of weighted_consensus.
type WeighResult struct {
	// Decision is the band of the mean vote: strong_approve, approve, neutral, reject or no_decision. With decided_early and an
	// outcome it is that of the votes so far.
	Decision string `json:"decision"`
	// Outcome is accepted, rejected or undecided; the rest could not have changed it.
	Outcome          string `json:"outcome"`
	ConsensusReached bool   `json:"consensus_reached"`
	// Score is the mean vote, by weight and confidence.
	Score Decimal `json:"score"`
	// Confidence is the share of the weight of all members that is for the proposal: what acceptance is measured by.
	Confidence Decimal `json:"confidence"`
	// Against is the share that is against it: what rejection is measured by.
	Against Decimal `json:"against"`
	// Members is how many there are; Participants how many have voted.
	Members      int `json:"members"`
	Participants int `json:"participants"`
	// Weights are the members', by their ids, after the cap.
	Weights map[string]WeighWeight `json:"weights"`
	// Fairness tells how the weights are spread.
	Fairness     WeighFairness `json:"fairness"`
	DecidedEarly bool          `json:"decided_early,omitempty"`
}

// WeighWeight is a member's weight, and where it comes from.
type WeighWeight struct {
	// Weight is what counts.
	Weight Decimal `json:"weight"`
	// Raw is the expertise or performance that it is made of; absent in equal.
	Raw Decimal `json:"raw,omitzero"`
	// Capped tells that the weight was cut, so that no member has more than half.
	Capped bool `json:"capped,omitempty"`
	// Trend compares the three newest of the assessments' accuracies that count with the rest: improving or declining when they
	// differ by more than 0.1, else stable; absent when there are fewer than four.
	Trend string `json:"trend,omitempty"`
}

// WeighFairness tells how weights are spread.
type WeighFairness struct {
	// Gini is 0 when all are equal, and nearly 1 when one has all.
	Gini Decimal `json:"gini"`
	// Max is the greatest weight.
	Max Decimal `json:"max"`
	// Entropy is in bits: the logarithm of the number of members when all are equal.
	Entropy Decimal `json:"entropy"`
}
