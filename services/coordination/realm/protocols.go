package realm

import (
	"github.com/mabus-project/mabus/services/coordination/allot"
	"github.com/mabus-project/mabus/services/coordination/ballot"
	"github.com/mabus-project/mabus/services/coordination/bargain"
	"github.com/mabus-project/mabus/services/coordination/byzantine"
	"github.com/mabus-project/mabus/services/coordination/decide"
	"github.com/mabus-project/mabus/services/coordination/ensemble"
	"github.com/mabus-project/mabus/services/coordination/fusion"
	"github.com/mabus-project/mabus/services/coordination/hierarchy"
	"github.com/mabus-project/mabus/services/coordination/reason"
	"github.com/mabus-project/mabus/services/coordination/refine"
	"github.com/mabus-project/mabus/services/coordination/search"
	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/services/coordination/tools"
	"github.com/mabus-project/mabus/services/coordination/tournament"
	"github.com/mabus-project/mabus/services/coordination/weigh"
	"github.com/mabus-project/mabus/shared/api"
)

var protocols = session.Protocols{
	api.SessionConsensus:    ballot.Consensus{},
	api.SessionVoting:       ballot.Consensus{},
	api.SessionWeighted:     weigh.Weighted{},
	api.SessionIterative:    refine.Refinement{},
	api.SessionHierarchical: hierarchy.Hierarchy{},
	api.SessionNegotiation:  bargain.Negotiation{},
	api.SessionAllocation:   allot.Allocation{},
	api.SessionByzantine:    byzantine.Protocol{},
	api.SessionEnsemble:     ensemble.Learning{},
	api.SessionSearch:       search.Parameters{},
	api.SessionTournament:   tournament.Selection{},
	api.SessionReasoning:    reason.Chains{},
	api.SessionTools:        tools.Orchestration{},
	api.SessionFusion:       fusion.Modalities{},
	api.SessionDecision:     decide.Decision{},
	api.SessionAnnouncement: decide.Announcement{},
}

// Protocols returns the protocols of all types of sessions. They are not to be changed.
func Protocols() session.Protocols { return protocols }
