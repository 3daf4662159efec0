package rules

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// guarded are the functions that go deeper than their arguments' own text, or whose time or
// result can be out of all proportion to them: they compare each element with each other, or
// each place of a text with another text. They are charged before they are called. (Source:
// cel-go's ext/strings.go, ext/lists.go and ext/encoders.go.)
var guarded = map[string]func(args []ref.Val) uint64{
	operators.In:            search,
	"distinct":              eachWithEach,
	"sort":                  eachWithEach,
	"@sortByAssociatedKeys": eachWithEach,
	"flatten":               everything,
	"join":                  everything,
	"format":                everything,
	"json.encode":           encoding,
	"slice":                 elements,
	"reverse":               elements,
	"math.@max":             elements,
	"math.@min":             elements,
	"lists.range":           rangeLength,
	"split":                 pieces,
	"indexOf":               textTimesText,
	"lastIndexOf":           textTimesText,
	"matches":               textTimesText, // where the pattern is not known when the rule is compiled
	"replace":               replacements,
}

// search is the cost of looking for a value: going over a list, or asking a map once.
func search(args []ref.Val) uint64 {
	if _, isList := args[1].(traits.Lister); isList {
		return weight(args[1])
	}
	return 1
}

// everything is the cost of going over all arguments.
func everything(args []ref.Val) uint64 {
	n := uint64(0)
	for _, arg := range args {
		n += weight(arg)
	}
	return n
}

// encoding is the cost of making JSON, which cel-go does by way of protocol buffers.
func encoding(args []ref.Val) uint64 { return 10 * weight(args[0]) }

// elements is the number of elements in the lists that are given.
func elements(args []ref.Val) uint64 {
	n := uint64(1)
	for _, arg := range args {
		if l, ok := arg.(traits.Lister); ok {
			n += size(l)
		}
	}
	return n
}

func size(l traits.Lister) uint64 {
	n, _ := l.Size().(types.Int)
	return uint64(max(n, 0))
}

// rangeLength is the number of elements that lists.range makes.
func rangeLength(args []ref.Val) uint64 {
	n, _ := args[0].(types.Int)
	return 1 + uint64(max(n, 0))
}

// pieces is the cost of making a list of the pieces of a text.
func pieces(args []ref.Val) uint64 {
	s, _ := args[0].(types.String)
	separator, _ := args[1].(types.String)
	return weight(s) + uint64(strings.Count(string(s), string(separator)))
}

// eachWithEach is the cost of comparing each element of a list with each other.
func eachWithEach(args []ref.Val) uint64 {
	n := uint64(0)
	for _, arg := range args {
		if l, ok := arg.(traits.Lister); ok {
			n += size(l) * weight(l)
		}
	}
	return n
}

// textTimesText is the cost of looking for one text, or pattern, at each place of another.
func textTimesText(args []ref.Val) uint64 { return weight(args[0]) * weight(args[1]) }

// replacements is the cost of the longest text that replacing can make.
func replacements(args []ref.Val) uint64 {
	s, _ := args[0].(types.String)
	old, _ := args[1].(types.String)
	by, _ := args[2].(types.String)
	found := uint64(len(s)) / max(uint64(len(old)), 1)
	return weight(s) + found*uint64(len(by))/bytesPerStep
}

// guardedCall is a call of a guarded function.
type guardedCall struct {
	interpreter.InterpretableCall
	args []interpreter.InterpretableV2
	cost func(args []ref.Val) uint64
	run  func(args ...ref.Val) ref.Val
}

func (c *Compiler) guard(call interpreter.InterpretableCall, cost func(args []ref.Val) uint64) (interpreter.InterpretableV2, error) {
	run, err := c.implementation(call.Function())
	if err != nil {
		return nil, err
	}
	return &guardedCall{InterpretableCall: call, args: call.Args(), cost: cost, run: run}, nil
}

// Exec implements interpreter.InterpretableV2.
func (g *guardedCall) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	args := make([]ref.Val, len(g.args))
	for i, arg := range g.args {
		if args[i] = arg.Exec(frame); types.IsUnknownOrError(args[i]) {
			return args[i]
		}
	}
	charge(frame, g.cost(args))
	v := types.LabelErrNode(g.ID(), g.run(args...))
	charge(frame, textWeight(v))
	return v
}

// Eval implements interpreter.Interpretable.
func (g *guardedCall) Eval(a interpreter.Activation) ref.Val { return g.Exec(interpreter.AsFrame(a)) }

// implementation returns what is run for a call of a function, with any of its overloads.
func (c *Compiler) implementation(name string) (func(args ...ref.Val) ref.Val, error) {
	bindings, err := c.env.Functions()[name].Bindings()
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", name, err)
	}
	for _, b := range bindings {
		if b.Operator != name {
			continue
		}
		return func(args ...ref.Val) ref.Val {
			if b.OperandTrait != 0 && !args[0].Type().HasTrait(b.OperandTrait) {
				return types.NoSuchOverloadErr()
			}
			switch {
			case b.Unary != nil && len(args) == 1:
				return b.Unary(args[0])
			case b.Binary != nil && len(args) == 2:
				return b.Binary(args[0], args[1])
			case b.Function != nil:
				return b.Function(args...)
			default:
				return types.NoSuchOverloadErr()
			}
		}, nil
	}
	return nil, fmt.Errorf("find %s: CEL has no such function any more", name)
}
