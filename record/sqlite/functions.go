package sqlite

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"

	"modernc.org/sqlite"

	"github.com/mulligan-gateway/mulligan/record"
)

// SQLite has functions for JSON, but true comes out of them as 1 and names with quotes need
// care (source: https://www.sqlite.org/json1.html); this one is record.Member.
func init() {
	sqlite.MustRegisterFunction("mulligan_member", &sqlite.FunctionImpl{
		NArgs: 2, Deterministic: true, VolatileArgs: true,
		Scalar: func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			object, _ := args[0].(string)
			name, _ := args[1].(string)
			return record.Member(json.RawMessage(object), name), nil
		},
	})
	sqlite.MustRegisterFunction("mulligan_merge", &sqlite.FunctionImpl{
		NArgs: 1, Deterministic: true, VolatileArgs: true,
		MakeAggregate: func(sqlite.FunctionContext) (sqlite.AggregateFunction, error) { return &merger{}, nil },
	})
}

// merger is the aggregate function that merges sketches.
type merger struct{ sketch record.Sketch }

func (m *merger) Step(_ *sqlite.FunctionContext, args []driver.Value) error {
	text, ok := args[0].([]byte)
	if !ok && args[0] != nil {
		return fmt.Errorf("a sketch is a blob, not %T", args[0])
	}
	return m.sketch.MergeEncoded(text)
}

func (m *merger) WindowInverse(*sqlite.FunctionContext, []driver.Value) error {
	return fmt.Errorf("sketches are not merged over windows")
}

func (m *merger) WindowValue(*sqlite.FunctionContext) (driver.Value, error) {
	return m.sketch.AppendTo([]byte{}), nil
}

func (m *merger) Final(*sqlite.FunctionContext) {}
