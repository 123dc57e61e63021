// Package instances holds the pure rules by which test instances of combinatorial auctions are drawn, after the distributions of the
// literature: Sandholm's (Algorithm for optimal winner determination in combinatorial auctions, 2002, section 6) and those of the
// Combinatorial Auction Test Suite (Leyton-Brown, Pearson and Shoham 2000). A kind, a size and a seed always give the same instance.
package instances
