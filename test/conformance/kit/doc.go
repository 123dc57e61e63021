// Package kit checks whether a program is a proper worker: it starts the program, plays the agent host's part of a transcript,
// and compares what the program says with what the transcript asks for. The transcripts are the files in the folder
// transcripts; test/conformance/README.md tells how they are written, and what a worker must do to be checked.
package kit
