package economics

import (
	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/services/economics/tender"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/rpc"
)

// serve makes a server with all methods.
func (e *economy) serve() *rpc.Server {
	srv := rpc.NewServer(e.conn, rpc.ServerConfig{
		Service: "economics", Version: e.cfg.Version, Description: "Ledger, auctions, contracts, task markets, reputation, markets, prices and risk",
		Limit: e.cfg.Waiters + e.cfg.Limit, Strict: e.cfg.Strict, Log: e.cfg.Log, Metrics: e.cfg.Metrics,
	})
	e.handleLedger(srv)
	e.handleAuctions(srv)
	e.handleContracts(srv)
	e.handleTenders(srv)
	e.handleBazaars(srv)
	e.handleReputation(srv)
	e.handleMarkets(srv)
	e.handleRisk(srv)
	e.handleRiskReads(srv)
	e.handlePricing(srv)
	return srv
}

// runners are what the machine has done outside of it.
func (e *economy) runners() map[string]replog.Runner {
	return map[string]replog.Runner{
		act.SaveEffect: e.runSave, act.PageEffect: e.runPage, realm.LedgerPageEffect: e.runLedgerPage,
		"auction.solve":                  e.runSolve,
		"tender." + tender.ExecuteEffect: e.runTenderExecute, "tender." + tender.CheckEffect: e.runTenderCheck,
	}
}
