package api

import "encoding/json"

// TournamentParams are those of model_selection: members compete in a knock-out. Its algorithms are judged (the default: the contenders
// show their work once, and judges compare it in pairs) and scored (contenders report a score each time they meet).
type TournamentParams struct {
	// Judges are members that only judge. Unless given, everyone but the two who meet judges. Only for judged.
	Judges []string `json:"judges,omitempty"`
	// EliminationThreshold is the share of the votes, or of the sum of the two scores, that the lower-seeded of two must be above to
	// eliminate the other: 0.5 to 1 (1 excluded); 0.5 unless given. So at a tie the better-seeded goes on. The order of members is the order of seeds.
	EliminationThreshold *Decimal `json:"elimination_threshold,omitempty"`
	// ConsensusThreshold is the least confidence that counts as consensus, 0 to 1; 0.8 unless given.
	ConsensusThreshold *Decimal `json:"consensus_threshold,omitempty"`
	// QualityThreshold is the least quality that counts as good, 0 to 1; 0.7 unless given.
	QualityThreshold *Decimal `json:"quality_threshold,omitempty"`
}

// MaxTournamentWork bounds, in bytes, what a contender may show to the judges.
const MaxTournamentWork = 8 << 10 // bytes of what a candidate shows

// TournamentAsk is what a judge compares, or against whom a contender is to score.
type TournamentAsk struct {
	// Round counts the rounds of the tournament from 1 to Rounds.
	Round  int `json:"round"`
	Rounds int `json:"rounds"`
	// Matches are those to judge. Which contender is called a and which b differs from judge to judge.
	Matches []TournamentPair `json:"matches,omitempty"`
	// Opponent is whom a contender meets, with scored.
	Opponent string `json:"opponent,omitempty"`
}

// TournamentPair is two works to compare.
type TournamentPair struct {
	A json.RawMessage `json:"a"`
	B json.RawMessage `json:"b"`
}

// TournamentVotes is a judge's answer: for each match in the order of the question "a", "b", or "tie" to abstain. A bare list is one
// too, and a bare "a" or "b" when there is one match.
type TournamentVotes struct {
	Votes []string `json:"votes"`
}

// TournamentScore is a contender's answer with scored: 0 or more, and more is better. A bare number is one too.
type TournamentScore struct {
	Score *Decimal `json:"score"`
}

// TournamentResult is who has won, and how.
type TournamentResult struct {
	Winner string `json:"winner"`
	// Rounds of the knock-out: for n contenders the logarithm of n to base 2, rounded up, and at least 1.
	Rounds int `json:"rounds"`
	// Confidence is the winner's share in its last match; 0 when it met nobody or nobody voted.
	Confidence Decimal `json:"confidence"`
	// Quality is the winner's mean share over its matches; 0 when there were none.
	Quality          Decimal           `json:"quality"`
	ConsensusReached bool              `json:"consensus_reached"`
	QualityMet       bool              `json:"quality_met"`
	Bracket          []TournamentRound `json:"bracket"`
	// Withdrawn are contenders who showed no work.
	Withdrawn []string `json:"withdrawn,omitempty"`
}

// TournamentRound is one round of the knock-out.
type TournamentRound struct {
	Round   int               `json:"round"`
	Byes    []string          `json:"byes,omitempty"`
	Matches []TournamentMatch `json:"matches,omitempty"`
}

// TournamentMatch is two contenders who met; A is the better-seeded.
type TournamentMatch struct {
	A string `json:"a"`
	B string `json:"b"`
	// VotesA and VotesB are votes, or the scores reported.
	VotesA Decimal `json:"votes_a"`
	VotesB Decimal `json:"votes_b"`
	// Winner is "" when both were eliminated because neither reported a score.
	Winner string `json:"winner,omitempty"`
	// Share is the winner's of the votes; 0 when there were none.
	Share Decimal `json:"share"`
}
