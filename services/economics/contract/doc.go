// Package contract holds the pure rules of contracts: a buyer's money is held until a provider has done what was agreed, and then it is
// settled, once, by what the quality and the time were worth under the terms.
package contract
