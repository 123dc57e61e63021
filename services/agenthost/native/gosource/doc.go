// Package gosource has two native modules that together measure a tree of Go source. Agents of go-analyser look at one
// file each; an agent of go-report turns what they found into one report. Everything but the modules themselves is a pure
// function, and nothing here reads a file: contents and results come in messages.
package gosource
