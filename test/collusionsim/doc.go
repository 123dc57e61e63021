// Package collusionsim measures how often the screens of services/economics/screen err, on simulated honest agents and on simulated rings.
// All is drawn from seeds, so that each run measures the same; the tests hold the rates to what is told here, with a little room. "Wrong"
// is the share of the worlds in which somebody honest was flagged, "found" that in which two or more of the ring were flagged and nobody
// else with them. The threshold is the default, 4 bits.
//
// Bids (Series tells how they are made; without a ring, all are honest):
//
//	agents  rounds  ring, scheme                 wrong  found
//	     5      48  -                            0.015      -
//	    10      24  -                            0.015      -
//	    10      96  -                            0.000      -
//	    20      48  -                            0.000      -
//	    10      24  3 copy each other            0.010  0.470
//	    10      48  3 copy each other            0.020  0.780
//	    10      96  3 copy each other            0.000  0.860
//	    10      24  3 with cover bids            0.010  0.160
//	    10      48  3 with cover bids            0.020  0.530
//	    10      96  3 with cover bids            0.000  0.880
//	     5      48  3 in turn                    0.010  0.600
//	     4      48  all 4 in turn                0.000  1.000
//	    10      96  3 that only hold back        0.020  0.000
//
// Estimates of one thing (Panel), in whole numbers; a ring is wrong by 2 to 5 standard deviations:
//
//	agents  truth    errors   ring, scheme       wrong  found
//	     5  known    normal   -                  0.012      -
//	     5  known    Laplace  -                  0.004      -
//	     5  unknown  normal   -                  0.000      -
//	    10  known    normal   -                  0.024      -
//	    20  known    normal   -                  0.010      -
//	    20  known    Laplace  -                  0.024      -
//	    20  unknown  Laplace  -                  0.008      -
//	     5  known    normal   2 copies           0.014  0.602
//	    10  known    normal   2 copies           0.046  0.716
//	    10  known    normal   3 copies           0.048  0.906
//	    10  unknown  normal   3 copies           0.012  0.634
//	    20  known    normal   4 copies           0.100  0.828
//	    20  known    normal   4 nearly alike     0.046  0.380
//
// Trades or ratings (Bazaar); "loyal" is the share that everybody trades with one favourite:
//
//	agents  loyal  ring, praise                  wrong  found
//	    30      0  -                             0.000      -
//	    30    0.3  -                             0.025      -
//	    60    0.5  -                             0.890      -
//	    60      0  2, each the other 10 times    0.000  0.740
//	    60      0  3 in a circle, 10 times       0.000  0.640
//	    60      0  3 in a circle, 20 times       0.000  0.960
//	    60    0.3  5, each each 10 times         0.310  0.440
//	    60      0  5, each each 20 times         0.000  1.000
//
// What follows: bids of fewer than 24 auctions tell little, a ring that only holds back leaves no trace that these tests see, and where
// everybody has a favourite, favourites in a circle look like a ring, since the counts are the same. So a flag is a reason to look, and
// never a verdict.
package collusionsim
