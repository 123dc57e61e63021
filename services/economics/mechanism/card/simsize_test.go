//go:build !race

package card_test

const oneIn = 1
