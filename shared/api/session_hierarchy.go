package api

// How hierarchical_consensus puts members into clusters: those who stand next to each other in an order.
const (
	ClusterRandom     = "random"     // by a hash of the session's id and the member's (the default)
	ClusterAttributes = "attributes" // by the values of the attributes that are named
	ClusterCapability = "capability" // by the attribute "capabilities"
)

// How the clusters of hierarchical_consensus find their representatives.
const (
	RepresentElection  = "election"  // each member names one of its cluster (the default)
	RepresentExpertise = "expertise" // whose attribute "expertise" is the greatest
)

// What a vote and a cluster's decision weigh in hierarchical_consensus.
const (
	DelegateExpertise    = "expertise_based" // a vote as much as its member's attribute "expertise", a cluster as its votes (the default)
	DelegateSize         = "size_based"      // a vote 1, a cluster as its votes
	DelegateEqual        = "equal"           // a vote 1, and a cluster in which somebody has voted 1
	DelegateProportional = "proportional"    // a vote 1, and a cluster passes on all its votes and not its decision alone
)

// Whether representatives decide in hierarchical_consensus.
const (
	MandateBound = "bound" // they stand for their cluster's decision, and are not asked again (the default)
	MandateFree  = "free"  // they are asked at each level, and vote with their cluster's weight
)

// Attributes of members that hierarchical_consensus knows.
const (
	AttributeExpertise    = "expertise" // a number of more than 0 and at most 1000; 1 unless given
	AttributeCapabilities = "capabilities"
)

// HierarchyParams are the parameters of hierarchical_consensus.
type HierarchyParams struct {
	// Options are what is voted on, 2 to 20; ["yes", "no"] unless given.
	Options []string `json:"options"`
	// ClusterSize is how many members a cluster has at most, 2 to 50; 5 unless given. The cluster at the top may have more when
	// max_levels leaves no other way.
	ClusterSize int `json:"cluster_size"`
	// MaxLevels is how many levels there are at most, the top included, 1 to 10; 4 unless given.
	MaxLevels int `json:"max_levels"`
	// BalanceTolerance is how much smaller the smallest cluster of a level may be than the largest, as a part of that, 0 to 1; 0.3 unless
	// given. Beyond it the members are spread evenly over the same number of clusters.
	BalanceTolerance Decimal `json:"balance_tolerance"`
	// AutoOptimize chooses cluster_size 3 to 8 and max_levels 2 to 5 by the number of members, or 5 and 3 where none of them reaches
	// TargetEfficiency (0.8 unless given).
	AutoOptimize     bool    `json:"auto_optimize,omitempty"`
	TargetEfficiency Decimal `json:"target_efficiency"`
	// Clustering is random, attributes or capability; Attributes are the names for the second.
	Clustering string   `json:"clustering"`
	Attributes []string `json:"attributes,omitempty"`
	// Representatives are found by election or expertise.
	Representatives string `json:"representatives"`
	// Delegation is expertise_based, size_based, equal or proportional.
	Delegation string `json:"delegation"`
	// Mandate is bound or free.
	Mandate string `json:"mandate"`
	// DelegationTimeout is how long representatives have to answer at a level, and never longer than the session's timeout; 30s unless
	// given.
	DelegationTimeout Duration `json:"delegation_timeout"`
	// Threshold is the part of the weight at the top that the decision must have more than to be a consensus; 0.5 unless given.
	Threshold Decimal `json:"threshold"`
}

// HierarchyElectionAsk is what a member is asked in the phase "election".
type HierarchyElectionAsk struct {
	Cluster int      `json:"cluster"`
	Members []string `json:"members"` // of the cluster, the one who is asked included
}

// HierarchyElection is the answer to it. The name alone is understood too.
type HierarchyElection struct {
	Representative string `json:"representative"`
}

// HierarchyVoteAsk is what a member is asked in the phase "vote".
type HierarchyVoteAsk struct {
	Options        []string `json:"options"`
	Cluster        int      `json:"cluster"`
	Members        []string `json:"members"`
	Representative string   `json:"representative,omitempty"`
}

// HierarchySeatAsk is what a representative is asked in the phases "level_1", "level_2" and so on.
type HierarchySeatAsk struct {
	Options []string `json:"options"`
	Level   int      `json:"level"`
	// Cluster is the number of the cluster one level below for which it votes; Decision, Tally and Weight are that cluster's.
	Cluster  int                `json:"cluster"`
	Decision string             `json:"decision"`
	Tally    map[string]Decimal `json:"tally"`
	Weight   Decimal            `json:"weight"`
}

// HierarchyVote is the answer in the phase "vote", with one of its fields. The option alone is understood too, and true and false for
// "yes" and "no". A representative has no delegate; when it abstains, its cluster's decision stands.
type HierarchyVote struct {
	Vote string `json:"vote,omitempty"`
	// Delegate is a member of the same cluster, who votes for this one too, or passes both on.
	Delegate string `json:"delegate,omitempty"`
	Abstain  bool   `json:"abstain,omitempty"`
}

// HierarchyResult is the result of hierarchical_consensus.
type HierarchyResult struct {
	// Decision is that of the cluster at the top; "" when nobody has voted.
	Decision string `json:"decision"`
	// Confidence is the part of the weight at the top that is for it, and ConsensusReached tells whether it is more than the threshold.
	Confidence       Decimal `json:"confidence"`
	ConsensusReached bool    `json:"consensus_reached"`
	// Levels are the clusters from the members' to the top.
	Levels [][]HierarchyCluster `json:"levels"`
	// Replacements are the representatives who failed or were silent, at each level where they stood.
	Replacements []HierarchyReplacement `json:"replacements,omitempty"`
	// Deadlocks are the first 100 of those that were resolved.
	Deadlocks []HierarchyDeadlock `json:"deadlocks,omitempty"`
	Analytics HierarchyAnalytics  `json:"analytics"`
	// Silent are the members whose vote is missing because they failed or had no time, in the order of the members.
	Silent []string `json:"silent,omitempty"`
}

// HierarchyCluster is a cluster and what it decided.
type HierarchyCluster struct {
	Cluster int `json:"cluster"` // its number on its level, from 0
	// Members are those of a cluster on level 0; Clusters are the numbers of those one level below whose representatives meet in a
	// cluster further up.
	Members  []string `json:"members,omitempty"`
	Clusters []int    `json:"clusters,omitempty"`
	// Representative stands for it one level up, and has the casting vote in it; it is left out when nobody is left who could.
	Representative string             `json:"representative,omitempty"`
	Tally          map[string]Decimal `json:"tally,omitempty"`
	Decision       string             `json:"decision,omitempty"`
	// Tied tells that the decision is the casting vote of the representative, or else the option listed first.
	Tied bool `json:"tied,omitempty"`
	// Weight is what the decision counts for one level up.
	Weight Decimal `json:"weight"`
}

// HierarchyReplacement is a representative who was replaced.
type HierarchyReplacement struct {
	Level   int    `json:"level"`
	Cluster int    `json:"cluster"`
	From    string `json:"from"`
	To      string `json:"to,omitempty"` // "" when nobody was left
}

// Kinds of deadlocks, and their resolutions.
const (
	DeadlockCircular = "circular"       // members have delegated to one another in a circle
	DeadlockTimeout  = "timeout"        // no representative of a cluster has answered
	ResolveBreak     = "break_cycle"    // the representative votes for those in the circle, if it has voted
	ResolveForce     = "force_decision" // the cluster's own decision stands
)

// HierarchyDeadlock is a deadlock that was resolved.
type HierarchyDeadlock struct {
	Kind       string `json:"kind"`
	Resolution string `json:"resolution"`
	Level      int    `json:"level"`
	Cluster    int    `json:"cluster"`
	// Path is the circle: each delegates to the next, and the last is the first again. It is broken there.
	Path []string `json:"path,omitempty"`
}

// HierarchyAnalytics are counted and computed from the session.
type HierarchyAnalytics struct {
	Members  int `json:"members"`
	Levels   int `json:"levels"`
	Clusters int `json:"clusters"`
	// Representatives counts the seats above level 0.
	Representatives int `json:"representatives"`
	// Smallest and Largest are sizes of clusters on level 0.
	Smallest int `json:"smallest"`
	Largest  int `json:"largest"`
	// Cast counts the members whose vote counts, and Delegated those of them for whom somebody else has voted.
	Cast      int     `json:"cast"`
	Delegated int     `json:"delegated"`
	Turnout   Decimal `json:"turnout"`
	// Popular counts these votes by option, each as one; Agreement is the part of them that is for the decision.
	Popular   map[string]int `json:"popular,omitempty"`
	Agreement Decimal        `json:"agreement"`
	Deadlocks int            `json:"deadlocks"`
	// Efficiency is the figure by which auto_optimize chooses: mean(1/(0.3 ceil(log_c n) + 1), min(1, c/6)) for n members in clusters
	// of c. It estimates, and measures nothing.
	Efficiency Decimal `json:"efficiency"`
}
