// Package fake is a model endpoint without a model: it speaks chat completions, with and without server-sent events, on
// loopback and free of charge, so that examples and tests need no key. Its answers are real work, though simple: it
// summarises a text by picking the sentences whose words are the most frequent in it, and cross-checks two texts by the
// words that they share. The same prompt to the same model gives the same answer.
//
// It also fails as endpoints do, by a seed: which of a prompt's tries fails, and how, depends on the seed, the prompt and
// the number of the try, and not on what else is asked meanwhile.
package fake
