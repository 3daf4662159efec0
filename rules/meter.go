package rules

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// The meter counts what a rule costs and stops it at the limit. CEL has a counter of its
// own (cel.CostLimit), which is not used because in cel-go v0.32 it takes the square of the
// number of turns that a loop makes, so that it needs a minute to notice that a rule went on
// for too long. Some of its prices are wrong too: json.encode makes the sum overflow and
// begin anew, and comparing two objects costs the number of their keys, whatever is in them.

// charge adds to what the rule has cost, and ends its evaluation at the limit.
func (f *Facts) charge(steps uint64) {
	f.spent += steps
	if f.spent > f.compiler.options.CostLimit {
		panic(interpreter.EvalCancelledError{
			Cause:   interpreter.CostLimitExceeded,
			Message: costLimitExceeded,
		})
	}
}

const costLimitExceeded = "the cost limit is exceeded: the rule does too much on a request like this one"

// charge adds to what the rule costs that is evaluated in a frame.
func charge(frame *interpreter.ExecutionFrame, steps uint64) {
	// In a loop the frame holds the loop's variable, and the facts are further away.
	if f, ok := frame.Unwrap().(*Facts); ok {
		f.charge(steps)
		return
	}
	// There are no facts while CEL folds constants.
	v, _ := frame.ResolveName(hiddenFacts)
	if f, ok := v.(*factsValue); ok {
		(*Facts)(f).charge(steps)
	}
}

// metered returns the option that makes a rule count what it costs.
func (c *Compiler) metered() cel.ProgramOption {
	return cel.CustomDecoratorV2(func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		switch i := i.(type) {
		case *meteredName, *meteredCall, *meteredComparison, *guardedCall:
			return i, nil
		case interpreter.InterpretableAttribute:
			return &meteredName{i}, nil
		case interpreter.InterpretableCall:
			name := i.Function()
			if name == operators.Equals || name == operators.NotEquals {
				return &meteredComparison{i, i.Args()[0], i.Args()[1]}, nil
			}
			if cost, ok := guarded[name]; ok {
				return c.guard(i, cost)
			}
			return &meteredCall{i}, nil
		default:
			return i, nil
		}
	})
}

// meteredName is a name with what is selected from it. It costs the text that it comes to,
// which whoever is given the text goes over.
type meteredName struct {
	interpreter.InterpretableAttribute
}

// Exec implements interpreter.InterpretableV2.
func (m *meteredName) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v := m.InterpretableAttribute.Exec(frame)
	charge(frame, textWeight(v))
	return v
}

// Eval implements interpreter.Interpretable.
func (m *meteredName) Eval(a interpreter.Activation) ref.Val { return m.Exec(interpreter.AsFrame(a)) }

// meteredCall is a call, which costs the text that it comes to.
type meteredCall struct {
	interpreter.InterpretableCall
}

// Exec implements interpreter.InterpretableV2.
func (m *meteredCall) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v := m.InterpretableCall.Exec(frame)
	charge(frame, textWeight(v))
	return v
}

// Eval implements interpreter.Interpretable.
func (m *meteredCall) Eval(a interpreter.Activation) ref.Val { return m.Exec(interpreter.AsFrame(a)) }

// meteredComparison is == or !=, which cost the lesser of the two values.
type meteredComparison struct {
	interpreter.InterpretableCall
	left, right interpreter.InterpretableV2
}

// Exec implements interpreter.InterpretableV2.
func (m *meteredComparison) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	left := m.left.Exec(frame)
	if types.IsUnknownOrError(left) {
		return left
	}
	right := m.right.Exec(frame)
	if types.IsUnknownOrError(right) {
		return right
	}
	charge(frame, min(weight(left), weight(right)))
	equal := types.Equal(left, right) == types.True
	return types.Bool(equal == (m.Function() == operators.Equals))
}

// Eval implements interpreter.Interpretable.
func (m *meteredComparison) Eval(a interpreter.Activation) ref.Val {
	return m.Exec(interpreter.AsFrame(a))
}
