// Package record keeps what happened: one row per exchange, the feedback that joins it, and
// the questions that both can be asked.
//
// A Recorder takes rows from the goroutines that serve requests and never makes them wait.
// One writer hands them in batches to a Store: sqlite, postgres or clickhouse, each a folder
// below this one, all of them bound by the contract in storetest. What cannot be written now
// waits in a file of bounded size.
//
// The package knows neither Caddy nor HTTP; only the vocabulary of package llm.
package record
