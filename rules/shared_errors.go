package rules

import (
	"fmt"
	"math"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// sharedErrorNode is the node of the errors that all rules share. No rule has such a node.
const sharedErrorNode = -1

// settleSharedErrors makes the errors safe that cel-go v0.32 returns from every rule and has
// only one of. Whoever gets an error without a node writes the node of its own rule into it:
// two rules that fail at the same time then write at once, and a later one is told of a part
// of another rule. An error that has a node already is left alone.
func settleSharedErrors(env *cel.Env) error {
	abs, err := env.Functions()["math.abs"].Bindings()
	if err != nil {
		return fmt.Errorf("find math.abs: %w", err)
	}
	settle := func(v ref.Val) { types.LabelErrNode(sharedErrorNode, v) }
	settle(types.NoSuchOverloadErr())
	settle(types.Int(math.MinInt64).ConvertToType(types.TimestampType)) // timestamp overflow
	for _, b := range abs {
		if b.Unary != nil {
			settle(b.Unary(types.Int(math.MinInt64))) // integer overflow
		}
	}
	return nil
}
