package economysim

// Bug is a fault that Run plants.
type Bug int

// The bugs that can be planted.
const (
	NoBug            Bug = iota
	ForgottenRelease     // a hold of an auction that has ended stays
	FeeTwice             // the fee of a sale is moved twice
	SettledTwice         // the price of a sale is paid twice
	LatestTie            // of equal sealed bids the last one wins
	WrongAccount         // a hold is captured to somebody else
	ClosedTwice          // the timer of an auction fires again, and finds it open
	LostTimer            // now and then an auction has no timer
	AnybodyMints         // whoever asks is an operator
	LateBid              // a bid after the end counts
	LostBids             // a snapshot lacks the bids of auctions
	NoRepeats            // the ids of requests are not looked at
	OneRoundsUp          // one replica pays a millionth more
	WorkPaidTwice        // a contract is paid twice
	TradeTwice           // what was traded in a market is delivered and paid twice
	LostStep             // now and then a bid is not in the transcript
	numberOfBugs
)

var bugNames = [...]string{
	"no bug", "forgotten release", "fee twice", "settled twice", "latest tie", "wrong account", "closed twice", "lost timer", "anybody mints",
	"late bid", "lost bids", "no repeats", "one rounds up", "work paid twice", "trade twice", "lost step",
}

// String returns the bug's name.
func (b Bug) String() string {
	if b < 0 || int(b) >= len(bugNames) {
		return "unknown bug"
	}
	return bugNames[b]
}

// Bugs lists every bug that can be planted.
func Bugs() []Bug {
	var all []Bug
	for b := NoBug + 1; b < numberOfBugs; b++ {
		all = append(all, b)
	}
	return all
}
