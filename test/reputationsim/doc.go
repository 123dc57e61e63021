// Package reputationsim measures what attackers gain against services/economics/reputation, in a simulated town of 60 residents whose
// true qualities are spread evenly from 0.5 to 0.95. They have made 3000 deals of 0.1 to 10 units with one another, paid 3 % of each in
// fees, and said honestly what a deal was worth, 0.15 off at most. Everything is drawn from seeds, so that each run measures the same.
//
// The table has score and place among all, with the guards, and by the formula of the reference, to which all records are alike. The
// true quality of attackers is 0.2, which is what residents tell of them: one of six of their records in a ring, every other one in
// a pair. A test makes the table anew, and holds each row to a bound.
//
//	                                                   guarded      reference
//	the best resident (0.95)                           0.777  #2    0.934  #2
//	the middle one (0.73)                              0.643  #29   0.717  #31
//	pairs of residents in the wrong order              0.000
//	a ring of 2 (0.2), deals of 20 without fees        0.435  #62   0.591  #49
//	a ring of 10 (0.2), deals of 20 without fees       0.509  #60   0.875  #20
//	a ring of 100 (0.2), deals of 20 without fees      0.531  #75   0.883  #52
//	a ring of 1000 (0.2), deals of 20 without fees     0.517  #548  0.879  #720
//	a ring of 10 that pays 90 in fees                  0.649  #30   0.875  #20
//	a ring of 100 that pays 909 in fees                0.661  #60   0.883  #52
//	a pair (0.2) that pays 12 in fees                  0.353  #61   0.585  #50
//	one whom 1000 new identities praise                0.600  #40   1.000  #1
//	a cheat (0.2), with a penalty                      0.008  #61   0.217  #61
//	the cheat under a new name, one praise             0.512  #57   1.000  #1
//	bad deals of a traitor until it is below 0.5       24           14
//	the best resident, whom a ring of 100 slanders     0.745  #10   0.000  #60
//
// Without fees, rings gain nothing that lifts them above the honest, whatever they are worth on paper. With them they can buy the score
// of a middling resident: each of the ten pays 9 units, as much as a resident in two months of trade. A new name is worth the prior: a
// place in a ranking takes the records that it asks for. The price is patience: a traitor is found out later, since what a few say,
// good or bad, weighs less.
package reputationsim
