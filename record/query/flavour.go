package query

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"strconv"
)

// Flavour is what differs between databases. Its fields are pieces of SQL; a function gets
// the placeholders of its parameters, each of which it must use exactly once.
type Flavour struct {
	// Rows and Feedback are the tables as they stand after FROM, such as "rows FINAL".
	Rows, Feedback string

	// Placeholder is the n-th parameter of a statement, counted from 1.
	Placeholder func(n int) string
	// Int makes a signed 64-bit integer of a number, so that it can be scanned into an int64.
	// Sums and counts have other types in some databases.
	Int func(expression string) string
	// FloatOfBits makes a float of the placeholder of its bits, a text of 16 hexadecimal digits
	// with the lowest byte first, where a float itself does not come through as a parameter. It
	// is nil elsewhere.
	FloatOfBits func(bits string) string

	// Member is the text of a member of the row's metadata, "" when it is missing (see
	// record.Member).
	Member func(name string) string

	// HasLabel is a condition on feedback: one of its labels is this one.
	HasLabel func(label string) string
	// Labels is a SELECT of the columns trace_id and label: each label of the feedback of a
	// name that is not removed, once for each trace.
	Labels func(name string) string
	// Unmatched is a condition on feedback: no row has its trace id.
	Unmatched string

	// BodiesOf is what stands after "SELECT request, response, truncated, redacted" for one
	// trace id: "FROM bodies WHERE trace_id = ?". The last two are integers.
	BodiesOf func(traceID string) string

	// InnerJoin and LeftJoin are the words for them: "JOIN", "LEFT JOIN".
	InnerJoin, LeftJoin string
}

// QuestionMark is the placeholder of SQLite and ClickHouse.
func QuestionMark(int) string { return "?" }

// Dollar is the placeholder of PostgreSQL.
func Dollar(n int) string { return "$" + strconv.Itoa(n) }

// Database is a state of a database that can be asked.
type Database struct {
	*Flavour
	Run Run
}

// Run executes a statement and calls each for every row of its result, in order, with the
// row's Scan. It returns the first error, that of each too. Statements of one answer should
// see one state of the database.
type Run func(ctx context.Context, s Statement, each func(scan Scan) error) error

// Scan reads the columns of one row into pointers to int64, float64 and string.
type Scan func(into ...any) error

// Statement is SQL and its parameters: int64, float64 and string.
type Statement struct {
	SQL  string
	Args []any
}

// statement builds a Statement.
type statement struct {
	flavour *Flavour
	args    []any
}

// bind adds a parameter and returns its placeholder. Placeholders must be bound in the order
// in which they stand in the text.
func (s *statement) bind(value any) string {
	s.args = append(s.args, value)
	return s.flavour.Placeholder(len(s.args))
}

// bindFloat is bind for a float, of which no bit may get lost.
func (s *statement) bindFloat(f float64) string {
	if s.flavour.FloatOfBits == nil {
		return s.bind(f)
	}
	return s.flavour.FloatOfBits(s.bind(fmt.Sprintf("%016x", bits.ReverseBytes64(math.Float64bits(f)))))
}
