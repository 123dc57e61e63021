package replogsim

// Bug is a fault that Run plants.
type Bug int

// The bugs that can be planted.
const (
	NoBug           Bug = iota
	OutcomeTwice        // machine: what an effect has brought is applied twice
	TimerAgain          // machine: a timer is set again when it fires
	MapOrder            // machine: now and then an answer depends on the replica
	NoRepeats           // engine: the ids of requests are not looked at
	StaleCarriedOut     // engine: a batch is carried out however old it is
	LocalClock          // engine: entries have the time of the reader's clock
	LostAnswers         // snapshot: the answers that are kept are not in it
	LostTimers          // snapshot: the timers are not in it
	SameWriter          // writer: a process that comes back uses its old id, and begins with number 1
	NewBatch            // writer: a batch without an acknowledgement is taken for lost, and its commands go into another
	AnswerEarly         // writer: the answer is what the machine said when the command was appended
	BlindReceiver       // effects: the receiver does not know repetitions by their ids
	RunForeign          // effects: replicas run what another one owns
	NoTakeOver          // effects: nobody claims what a dead replica ran
	numberOfBugs
)

var bugNames = [...]string{
	"no bug", "outcome twice", "timer again", "map order", "no repeats", "stale carried out", "local clock", "lost answers",
	"lost timers", "same writer", "new batch", "answer early", "blind receiver", "run foreign", "no take over",
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
