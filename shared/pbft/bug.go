package pbft

// bug is a fault that a test plants in a Node, to see that the simulation finds it. Nothing but this package's own tests can
// set one.
type bug int

const (
	noBug           bug = iota
	smallQuorum         // 2f instead of 2f+1
	earlyCommit         // commits without a quorum of prepares
	forgetPrepared      // a view change does not show what was prepared
	blindNewView        // the view changes in a new view are not checked
	freeNewView         // a new view's primary may propose what it likes
	blindDigest         // the digest of a proposal is not recomputed
	countDuplicates     // a member's repeated vote counts again
	countStrangers      // votes of those who are no members count
	blindSignature      // signatures are not checked
	looseViewChange     // view changes for any view count
	looseCommit         // commits of any view count
	overwrite           // what was decided is replaced
	twoProposals        // a second proposal in one view is accepted
	steadyTimer         // timeouts do not grow
	numberOfBugs
)
