// Package query turns filters and questions into SQL, and what a database answers into rows
// and numbers. The stores that are databases share it, so that the same question has the same
// answer on all of them.
//
// It expects two tables. The rows have the columns of Columns; the feedback has those of
// FeedbackColumns. A store may keep more of its own beside them, names the tables in its
// Flavour, and brings a Run that executes one statement. Truth values are 0 and 1, times are
// microseconds since 1970 in UTC, durations microseconds; texts compare by their bytes, and
// nothing is NULL but the number of feedback that has none.
package query
