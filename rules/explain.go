package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// Explanation is a rule's answer and where it comes from.
type Explanation struct {
	Result
	// Why says in words what made the rule say so.
	Why string
	// Values are the parts of the rule that have a value of their own, in the order of the
	// rule. What was not evaluated, because the answer was clear without it, is left out.
	Values []Value
}

// Value is a part of a rule and the value it had.
type Value struct {
	Expression string
	// Value is JSON, cut short with an ellipsis where it is long.
	Value string
}

// explainer is the rule planned once more, so that it notes the value of each of its parts.
type explainer struct {
	once    sync.Once
	program cel.Program
	err     error
}

// Explain asks the rule like Eval, and says why it answers so. It is for people: it costs
// far more than Eval. Nothing in it comes from a header that carries credentials.
func (c *Condition) Explain(ctx context.Context, f *Facts) Explanation {
	c.explainer.once.Do(func() {
		c.explainer.program, c.explainer.err = c.plan(cel.OptTrackState)
	})
	if err := c.explainer.err; err != nil {
		return Explanation{Result: Result{Verdict: Failed, Err: err}, Why: failure(err)}
	}
	f.use(c.compiler)
	out, details, err := c.explainer.program.ContextEval(ctx, f)
	x := explaining{rule: c, facts: f, state: details.State()}
	if x.state == nil {
		x.state = interpreter.NewEvalState()
	}
	e := Explanation{Result: c.result(f, out, err)}
	root := c.ast.NativeRep().Expr()
	e.Values = x.values(root)
	switch e.Verdict {
	case KeyMissing:
		e.Why = x.whatIsMissing(err, e.Key)
	case Failed:
		e.Why = failure(e.Err)
	default:
		e.Why = x.whatDecides(root)
	}
	return e
}

func failure(err error) string { return shorten("the rule failed: " + err.Error()) }

// explaining is one explanation while it is made.
type explaining struct {
	rule  *Condition
	facts *Facts
	state interpreter.EvalState
}

// valueOf returns the value that an expression had, and false for one that was not
// evaluated or had none.
func (x *explaining) valueOf(e ast.Expr) (ref.Val, bool) {
	v, ok := x.state.Value(e.ID())
	if !ok || v == nil || types.IsUnknownOrError(v) {
		return nil, false
	}
	return v, true
}

// source returns an expression as it is written in the rule.
func (x *explaining) source(e ast.Expr) string {
	s, err := cel.ExprToString(e, x.rule.ast.NativeRep().SourceInfo())
	if err != nil {
		return "a part of the rule"
	}
	return shorten(strings.Join(strings.Fields(s), " "))
}

// values lists the names in an expression and the results of functions, with their values.
func (x *explaining) values(e ast.Expr) []Value {
	var all []Value
	note := func(e ast.Expr) {
		v, ok := x.valueOf(e)
		if !ok {
			return
		}
		value := Value{Expression: x.source(e), Value: jsonText(v)}
		if !slices.Contains(all, value) {
			all = append(all, value)
		}
	}
	x.collect(e, false, note)
	return all
}

// collect calls note for the parts of an expression that are worth showing. In a loop that
// is only what does not change from turn to turn.
func (x *explaining) collect(e ast.Expr, inLoop bool, note func(ast.Expr)) {
	if p, ok := x.rule.paths[e.ID()]; ok && p.root != "" {
		changes := inLoop && slices.ContainsFunc(p.steps, func(s step) bool { return s.key == nil })
		if !strings.HasPrefix(p.root, "@") && !changes {
			note(e)
		}
		return
	}
	switch e.Kind() {
	case ast.SelectKind:
		x.collect(e.AsSelect().Operand(), inLoop, note)
	case ast.CallKind:
		x.collectCall(e, inLoop, note)
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			x.collect(element, inLoop, note)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			x.collect(entry.AsMapEntry().Value(), inLoop, note)
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		x.collect(c.IterRange(), inLoop, note)
		for _, inside := range []ast.Expr{c.AccuInit(), c.LoopStep(), c.Result()} {
			x.collect(inside, true, note)
		}
	default:
	}
}

// collectCall shows a function's result rather than its arguments, but for questions such
// as startsWith, whose arguments say more.
func (x *explaining) collectCall(e ast.Expr, inLoop bool, note func(ast.Expr)) {
	call := e.AsCall()
	_, isOperator := operators.FindReverse(call.FunctionName())
	_, isOurs := lookupFunction(call.FunctionName())
	v, known := x.valueOf(e)
	_, isBool := v.(types.Bool)
	if !isOperator && !inLoop && known && (isOurs || !isBool) {
		note(e)
		return
	}
	if call.IsMemberFunction() {
		x.collect(call.Target(), inLoop, note)
	}
	for _, arg := range call.Args() {
		x.collect(arg, inLoop, note)
	}
}

// whatDecides says which values made a rule true or false.
func (x *explaining) whatDecides(root ast.Expr) string {
	var phrases []string
	x.deciding(root, func(leaf ast.Expr) {
		values := x.values(leaf)
		if v, ok := x.valueOf(leaf); ok && (len(values) == 0 || leaf.Kind() == ast.ComprehensionKind) {
			values = []Value{{x.source(leaf), jsonText(v)}}
		}
		for _, v := range values {
			phrase := v.Expression + " is " + v.Value
			if !slices.Contains(phrases, phrase) {
				phrases = append(phrases, phrase)
			}
		}
	})
	return strings.Join(phrases, " and ")
}

// deciding finds the parts of a logical expression that its value rests on: of a false &&
// those that are false, of a true || those that are true.
func (x *explaining) deciding(e ast.Expr, leaf func(ast.Expr)) {
	if e.Kind() != ast.CallKind {
		leaf(e)
		return
	}
	call := e.AsCall()
	value, _ := x.valueOf(e)
	switch call.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr:
		all := value == types.Bool(call.FunctionName() == operators.LogicalAnd)
		for _, arg := range call.Args() {
			if v, ok := x.valueOf(arg); ok && (all || v == value) {
				x.deciding(arg, leaf)
			}
		}
	case operators.LogicalNot:
		x.deciding(call.Args()[0], leaf)
	case operators.Conditional:
		for _, arg := range call.Args() {
			if _, ok := x.valueOf(arg); ok {
				x.deciding(arg, leaf)
			}
		}
	default:
		leaf(e)
	}
}

// whatIsMissing says which key is not there, and in what.
func (x *explaining) whatIsMissing(err error, key string) string {
	p, ok := x.rule.failedPath(err)
	if !ok || len(p.steps) == 0 {
		return "a key that the rule asks for is not there"
	}
	s, ok := p.missing(x.facts)
	if !ok {
		return fmt.Sprintf("there is no key %s", jsonText(types.String(key)))
	}
	a := x.rule.ast.NativeRep()
	asked := s.key
	if node, ok := findNode(a, s.id); ok && asked == nil {
		asked, _ = x.valueOf(node.AsCall().Args()[1])
	}
	if asked == nil {
		asked = types.String(key)
	}
	operand, ok := findNode(a, s.operand)
	if !ok {
		return fmt.Sprintf("there is no key %s", jsonText(asked))
	}
	return missingFrom(x.source(operand), asked)
}

// missingFrom says that something has no such key, with the noun that fits.
func missingFrom(operand string, key ref.Val) string {
	switch operand {
	case "context", "metadata":
		return fmt.Sprintf("the %s has no key %s", operand, jsonText(key))
	case "inputs":
		return fmt.Sprintf("the inputs have no key %s", jsonText(key))
	case "headers":
		return fmt.Sprintf("the request has no header %s", jsonText(key))
	case "client.claims":
		return fmt.Sprintf("the client has no claim %s", jsonText(key))
	}
	if isNumber(key) {
		return fmt.Sprintf("%s has no element %s", operand, jsonText(key))
	}
	return fmt.Sprintf("%s has no key %s", operand, jsonText(key))
}
