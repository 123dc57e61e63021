// Package pricing holds the pure rules of prices, fees and rewards: from supply and demand, from how somebody has worked, from what
// similar work has cost. Every price is computed exactly and rounded once, to the nearest millionth. What cannot be computed, such as a
// price without any supply, is an error and never a figure of its own.
package pricing
