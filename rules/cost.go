package rules

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Cost is counted in steps: one for each name that is looked up and each function that is
// called, and one for each ten bytes of text that they come to. meter.go counts them.

// plainFunctions go over their arguments at most once and make nothing that is longer than
// them, so that a rule of nothing else takes no longer than its own length times that of
// the request.
var plainFunctions = map[string]bool{
	"size": true, "type": true, "dyn": true, "string": true, "int": true, "uint": true, "double": true, "bool": true,
	"timestamp": true, "duration": true,
	"contains": true, "startsWith": true, "endsWith": true,
	"getFullYear": true, "getMonth": true, "getDate": true, "getDayOfMonth": true, "getDayOfWeek": true,
	"getDayOfYear": true, "getHours": true, "getMinutes": true, "getSeconds": true, "getMilliseconds": true,
	"rollout": true, "healthy": true, "orValue": true,
}

// costOf says whether a rule has loops, and whether its cost is bounded without counting
// it. What is not known to be plain is counted.
func costOf(checked *cel.Ast) (loops, bounded bool) {
	bounded = true
	ast.PreOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			loops, bounded = true, false
		case ast.CallKind:
			name := e.AsCall().FunctionName()
			_, isOperator := operators.FindReverse(name)
			bounded = bounded && (plainFunctions[name] || isOperator || strings.HasPrefix(name, "@"))
		default:
		}
	}))
	return loops, bounded
}

// bytesPerStep is how many bytes of text make a step. It is CEL's own measure.
const bytesPerStep = 10

// textWeight is what it costs to go over a value that is a text, and a step for any other.
func textWeight(v ref.Val) uint64 {
	switch v := v.(type) {
	case types.String:
		return 1 + uint64(len(v))/bytesPerStep
	case types.Bytes:
		return 1 + uint64(len(v))/bytesPerStep
	default:
		return 1
	}
}

// weight is what it costs to go over a value and all that is in it.
func weight(v ref.Val) uint64 {
	switch v := v.(type) {
	case *jsonObject:
		return 1 + uint64(len(v.raw))/bytesPerStep
	case *jsonList:
		return 1 + max(uint64(len(v.raw))/bytesPerStep, uint64(len(v.all())))
	case traits.Lister:
		n := uint64(1)
		for it := v.Iterator(); it.HasNext() == types.True; {
			n += weight(it.Next())
		}
		return n
	case traits.Mapper:
		n := uint64(1)
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			n += weight(key) + weight(v.Get(key))
		}
		return n
	default:
		return textWeight(v)
	}
}
