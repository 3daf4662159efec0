package clickhouse

import "github.com/mulligan-gateway/mulligan/record/query"

const (
	rowsTable        = "llm_gateway_rows"
	bodiesTable      = "llm_gateway_bodies"
	feedbackTable    = "llm_gateway_feedback"
	completionsTable = "llm_gateway_completions"
	schemaTable      = "llm_gateway_schema"
)

// flavour is ClickHouse's SQL. Metadata is kept twice: as it is, and as two arrays of its
// members' names and texts, since 18.16 has neither Map nor a way to read a member of JSON by
// a name that is a parameter.
var flavour = query.Flavour{
	Rows:        rowsTable + " FINAL",
	Feedback:    feedbackTable + " FINAL",
	Placeholder: query.QuestionMark,
	Int:         func(expression string) string { return "toInt64(" + expression + ")" },
	// The driver writes parameters into the text, where 18.16 reads no number below 2.2e-308.
	FloatOfBits: func(bits string) string { return "reinterpretAsFloat64(unhex(" + bits + "))" },
	Member: func(name string) string {
		return "arrayElement(member_texts, indexOf(member_names, " + name + "))" // '' for the index 0
	},
	HasLabel: func(label string) string { return "has(labels, " + label + ")" },
	Labels: func(name string) string {
		return "SELECT DISTINCT trace_id, arrayJoin(labels) AS label FROM " + feedbackTable + " FINAL WHERE removed = 0 AND name = " + name
	},
	Unmatched: "trace_id NOT IN (SELECT trace_id FROM " + rowsTable + ")",
	BodiesOf: func(traceID string) string {
		return "FROM " + bodiesTable + " FINAL WHERE trace_id = " + traceID
	},
	InnerJoin: "ALL INNER JOIN", LeftJoin: "ALL LEFT JOIN",
}
