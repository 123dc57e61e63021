package api

// How iterative_refinement measures how alike two versions of a proposal are.
const (
	RefineJaccard = "jaccard" // shared words by all words, in lower case (the default)
	RefineCustom  = "custom"  // 0.7 of jaccard and 0.3 of how alike the lengths are
	RefineAgent   = "agent"   // members are asked: a judge, or everybody about all but its own
)

// How iterative_refinement estimates the quality of a proposal.
const (
	RefinePeers  = "peers"  // the mean of the scores that others give (the default)
	RefineLength = "length" // mean(min(1, characters/100), min(1, words/20)): longer is better, up to there
)

// Why an iterative_refinement has ended.
const (
	RefineConverged   = "convergence"       // the proposals have stopped changing
	RefineGoodEnough  = "quality_threshold" // the best proposal has reached the threshold
	RefineStagnated   = "stagnation"        // the best of the last three rounds differ by less than 0.05
	RefineMaxRounds   = "max_rounds"
	RefineNoProposals = "no_proposals" // nobody proposed in the last round, and the result is that of the one before
)

// RefineParams are the parameters of iterative_refinement.
type RefineParams struct {
	// MaxRounds is 1 to 20; 5 unless given. A round is a proposal of everybody, and then everybody's feedback.
	MaxRounds int `json:"max_rounds"`
	// ConvergenceThreshold is how alike the proposals of two rounds must be to end, 0 to 1; 0.95 unless given.
	ConvergenceThreshold Decimal `json:"convergence_threshold"`
	// QualityThreshold is the composite of the best proposal that is enough to end, 0 to 1; 0.8 unless given.
	QualityThreshold Decimal `json:"quality_threshold"`
	// Similarity is jaccard, custom or agent.
	Similarity string `json:"similarity"`
	// Judge is the member who is asked for similarities; everybody unless given. Only with agent.
	Judge string `json:"judge,omitempty"`
	// Estimator of the quality is peers or length.
	Estimator string `json:"estimator"`
	// The phases take at most so long each, and never longer than the session's timeout: 5m, 10m and 2m unless given.
	ProposalTimeout   Duration `json:"proposal_timeout"`
	FeedbackTimeout   Duration `json:"feedback_timeout"`
	SimilarityTimeout Duration `json:"similarity_timeout"`
}

// RefineProposalAsk is what a member is asked in the phase "proposal".
type RefineProposalAsk struct {
	// Round counts from 1 up to MaxRounds.
	Round     int `json:"round"`
	MaxRounds int `json:"max_rounds"`
	// MaxBytes is how long a proposal may be, written as a JSON string.
	MaxBytes int `json:"max_bytes"`
	// Previous is the member's own last proposal, and Feedback what others said of it.
	Previous string           `json:"previous,omitempty"`
	Feedback []RefineFeedback `json:"feedback,omitempty"`
	// Best is the best proposal of the last round, unless it is the member's own.
	Best *RefineText `json:"best,omitempty"`
}

// RefineProposal is the answer in the phase "proposal". The text alone is understood too.
type RefineProposal struct {
	Proposal string `json:"proposal"`
	// Confidence is the member's own, 0 to 1; 0.5 unless given.
	Confidence *Decimal `json:"confidence,omitempty"`
}

// RefineText is somebody's proposal.
type RefineText struct {
	Member   string `json:"member"`
	Proposal string `json:"proposal"`
}

// RefineFeedbackAsk is what a member is asked in the phase "feedback".
type RefineFeedbackAsk struct {
	Round int `json:"round"`
	// Proposals are those of all others.
	Proposals []RefineText `json:"proposals"`
	// MaxBytes is how long a comment may be, written as a JSON string.
	MaxBytes int `json:"max_bytes"`
}

// RefineFeedbackAnswer is the answer in the phase "feedback": of each proposal that the member has something to say about, what.
// The inner object alone is understood too, and a number in place of a rating.
type RefineFeedbackAnswer struct {
	Feedback map[string]RefineRating `json:"feedback"`
}

// RefineRating is what one member says of another's proposal.
type RefineRating struct {
	// QualityScore is 0 to 1.
	QualityScore Decimal `json:"quality_score"`
	Comment      string  `json:"comment,omitempty"`
}

// RefineFeedback is a rating with its author.
type RefineFeedback struct {
	From         string  `json:"from"`
	QualityScore Decimal `json:"quality_score"`
	Comment      string  `json:"comment,omitempty"`
}

// RefineSimilarityAsk is what a member is asked in the phase "similarity": how alike these are, in what they say.
type RefineSimilarityAsk struct {
	Round int          `json:"round"`
	Pairs []RefinePair `json:"pairs"`
}

// RefinePair is the proposal of one member in two rounds.
type RefinePair struct {
	Member string `json:"member"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// RefineSimilarityAnswer is the answer in the phase "similarity", 0 to 1 by member. The inner object alone is understood too, and a
// number where there is one pair.
type RefineSimilarityAnswer struct {
	Similarity map[string]Decimal `json:"similarity"`
}

// RefineResult is the result of iterative_refinement.
type RefineResult struct {
	// FinalProposal is the best of the last round with proposals, and ProposedBy whose it is.
	FinalProposal string `json:"final_proposal"`
	ProposedBy    string `json:"proposed_by"`
	// FinalQuality is its composite, and QualityImprovement how much more that is than that of the best of the first round.
	FinalQuality       Decimal `json:"final_quality"`
	QualityImprovement Decimal `json:"quality_improvement"`
	// InitialProposal is the best of the first round.
	InitialProposal   string        `json:"initial_proposal"`
	Rounds            int           `json:"rounds"`
	Converged         bool          `json:"converged"`
	ConsensusLevel    Decimal       `json:"consensus_level"` // of the last round
	TerminationReason string        `json:"termination_reason"`
	History           []RefineRound `json:"history"`
}

// RefineRound is one round in the history.
type RefineRound struct {
	Round int `json:"round"`
	// Best is whose proposal was the best, and Proposal what it was.
	Best     string        `json:"best"`
	Proposal string        `json:"proposal"`
	Scores   []RefineScore `json:"scores"`
	// Convergence is how alike the proposals are to those of the round before, 0 to 1; 0 in the first.
	Convergence Decimal `json:"convergence"`
	// ConsensusLevel is 1 less the variance of all scores of the round: how much the raters agree, be it on praise or blame. It is 0
	// when nobody rated.
	ConsensusLevel Decimal `json:"consensus_level"`
}

// RefineScore is how one proposal fared.
type RefineScore struct {
	Member string `json:"member"`
	// Quality is the estimate, Feedback the mean score by others (0.5 without any), Ratings of how many, Confidence the member's own.
	Quality    Decimal `json:"quality"`
	Feedback   Decimal `json:"feedback"`
	Ratings    int     `json:"ratings"`
	Confidence Decimal `json:"confidence"`
	// Composite is 0.4 quality, 0.4 feedback and 0.2 confidence.
	Composite Decimal `json:"composite"`
}
