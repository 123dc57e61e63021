// Package bundle holds the pure rules of combinatorial auctions: who wins which bundles of items when the sum of what the winners offer
// shall be greatest, and what each winner pays by the mechanism of Vickrey, Clarke and Groves.
//
// Winner determination is hard (weighted set packing), so that it is solved outside of the replicated machine, by Determine and Solve,
// within a number of steps and not of seconds: the same problem is solved, or given up, everywhere alike. The machine takes a solution
// in only after Check, which never takes it on trust that
//
//   - each winning bid exists, meets its reserve, and no item and no exclusive bidder wins twice,
//   - the welfare and every sum of the payments are right, with the allocations on which the payments rest feasible too,
//   - no winner pays more than it offers or less than the reserve (in procurement the reverse).
//
// That no other allocation gains more is proved from the prices of the items that come with the solution. They bound what any allocation
// can gain (frame.go); where they leave a gap, Check searches it through. Knowing the answer and good prices it needs far fewer steps
// than solving, but may still run out of them: then it says that the solution is not proved. It is still feasible and paid for as
// claimed, only its optimality rests on whoever solved it; somebody with time, such as an auditor, calls Check with more steps.
//
// The search is a branch and bound on the loss against the Lagrangian bound. It branches on the item or bidder of which least can
// become, as in Knuth's algorithm X (Dancing links, 2000), and makes the prices anew where much remains; before that, the offers that
// others dominate are left out and the rest is split into components without items and bidders in common (Sandholm and others, CABOB,
// 2005).
package bundle
