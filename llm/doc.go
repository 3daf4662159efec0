// Package llm holds the words that every other package shares: what a client asked
// (Request), what it is sent on as (Payload), what went wrong (Error), what it used
// (Usage), and the account of all that happened for one client request (Exchange and
// its Attempts).
//
// It is the leaf of the import tree: it imports the standard library only, and every
// other package of Mulligan may import it.
package llm
