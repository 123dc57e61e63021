// Package replogsim runs any machine of shared/replog/engine under replicas, a log, clients and receivers of effects that live in
// simulated time, and breaks whatever a seed says: publications are lost, hang, or are stored though reported as failed, and are
// repeated; replicas die at any point and come back from a snapshot, lag, and have clocks that go too fast or too slow; the clock of
// the log goes back; answers are lost and requests are repeated on other replicas. The same seed always gives the same schedule.
//
// The replicas follow the protocol of engine.Batch as shared/replog does: a batch is repeated with the same bytes until a copy of it is
// carried out or skipped for good. Bug plants a fault in them, to show that the checks would find it.
package replogsim
