// Package rules decides by CEL expressions: a rule is compiled and type-checked when the
// config is loaded, and asked about the facts of one request.
//
// Everything that a rule can name stands in two tables, variables (vars.go) and functions
// (functions.go). The declarations that the type-checker uses, the evaluation and
// docs/rules.md all come from them, so a new variable is one row.
//
// Facts are read when a rule asks for them and not before: a rule that never mentions the
// body never parses any of it. What was found out is kept in Facts for the rules that follow,
// so that further rules on the same facts allocate nothing.
//
// A rule that could take long on a hostile request counts what it does, and is stopped at a
// limit (meter.go, guard.go and cost.go).
package rules
