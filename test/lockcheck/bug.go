package lockcheck

// Bug is a fault that Simulate plants.
type Bug int

// The bugs that can be planted, each in one part.
const (
	NoBug          Bug = iota
	ReleaseFront       // service: a release takes the first ticket, whosever it is
	LastComeFirst      // rule: the newest waiter is granted first
	ReadersFirst       // rule: a reader overtakes waiting writers
	OneTooMany         // rule: one part more than the capacity is granted
	LocalToken         // service: tokens come from a counter of the replica
	BlindWrite         // service: what a mirror says is written without compare-and-set
	NewTicket          // client: without an answer it asks again with a new ticket and forgets the first
	LateRequest        // client: it forgets that a request without an answer may be carried out after the release
	GiveUpGranted      // service: a request that gave up without an answer from the store takes the ticket back later, although it is granted
	GrantOnUnknown     // service: a write without an acknowledgement is taken for a success
	HoldTooLong        // lease: the holder acts for as long as a challenger waits
	NoSecondLook       // lease: the holder asks its clock when it is granted, never again
	ReviveDead         // lease: a holder renews although it was declared dead
	BlindWatcher       // lease: a watcher counts the time for which it was cut off, and kills whatever revision is there
	UnknownIsDead      // service: a lease that the mirror does not know is taken for dead
	PruneGranted       // rule: a ticket that holds is removed when its time to wait is up
	NoFence            // cell: lower tokens are accepted
	PutTwice           // cell: a put without an acknowledgement is repeated over whatever is there
	numberOfBugs
)

var bugNames = [...]string{
	"no bug", "release front", "last come first", "readers first", "one too many", "local token", "blind write", "new ticket", "late request",
	"give up granted", "grant on unknown", "hold too long", "no second look", "revive dead", "blind watcher", "unknown is dead",
	"prune granted", "no fence", "put twice",
}

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
