package rules

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/containers"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// Verdict is what a rule says about a request.
type Verdict string

// The verdicts.
const (
	Matched    Verdict = "matched"     // the rule is true
	NotMatched Verdict = "not_matched" // the rule is false
	// KeyMissing says that the rule asked for a key that is not there. It does not match,
	// and that is no error: requests need not say everything that rules know to ask.
	KeyMissing Verdict = "key_missing"
	Failed     Verdict = "failed" // the rule cannot be answered for this request
)

// String returns the verdict's word.
func (v Verdict) String() string { return string(v) }

// Result is the answer of a rule.
type Result struct {
	Verdict Verdict
	// Key is the key or the index that is missing, for KeyMissing. For one that the rule
	// computes it is the part of the rule that does; in a loop, where it
	// cannot be told which key of a.b.c is missing, all that follow the loop's variable.
	Key string
	// Err is why the rule failed, for Failed.
	Err error
}

// Eval asks the rule about a request. It does not panic and never changes the request. A
// loop in the rule ends with ctx.
func (c *Condition) Eval(ctx context.Context, f *Facts) Result {
	f.use(c.compiler)
	var out ref.Val
	var err error
	if c.loops {
		out, _, err = c.program.ContextEval(ctx, f)
	} else {
		// Without a loop there is nothing to interrupt, and a context costs allocations.
		out, _, err = c.program.Eval(f)
	}
	return c.result(f, out, err)
}

func (c *Condition) result(f *Facts, out ref.Val, err error) Result {
	if err == nil {
		switch out {
		case types.True:
			return Result{Verdict: Matched}
		case types.False:
			return Result{Verdict: NotMatched}
		}
		return Result{Verdict: Failed, Err: fmt.Errorf("the rule is neither true nor false but of type %s", typeName(out))}
	}
	if !isMissing(err) {
		return Result{Verdict: Failed, Err: c.place(err)}
	}
	key := ""
	if p, ok := c.failedPath(err); ok && len(p.steps) > 0 {
		key = p.text()
		if s, ok := p.missing(f); ok {
			key = s.text()
		}
	}
	return Result{Verdict: KeyMissing, Key: key}
}

// place adds to an error the part of the rule that it comes from, where that is known.
func (c *Condition) place(err error) error {
	e, ok := err.(*types.Err) //nolint:errorlint // CEL returns it as it is
	if !ok {
		return err
	}
	a := c.ast.NativeRep()
	node, ok := findNode(a, e.NodeID())
	if !ok {
		return err
	}
	source, sourceErr := cel.ExprToString(node, a.SourceInfo())
	if sourceErr != nil || strings.Contains(source, "@") {
		return err
	}
	return fmt.Errorf("%s: %w", shorten(source), err)
}

// failedPath returns the path whose evaluation returned err.
func (c *Condition) failedPath(err error) (path, bool) {
	e, ok := err.(*types.Err) //nolint:errorlint // CEL returns it as it is, and errors.As would allocate
	if !ok {
		return path{}, false
	}
	p, ok := c.paths[e.NodeID()]
	return p, ok
}

// missingType is the type of the error that CEL returns for a key or an element that is not
// there. CEL does not export the type, so it is taken from such an error.
var missingType = func() reflect.Type {
	factory := interpreter.NewAttributeFactory(containers.DefaultContainer, types.DefaultTypeAdapter, types.NewEmptyRegistry())
	_, err := factory.AbsoluteAttribute(1, "missing").Resolve(interpreter.EmptyActivation())
	return reflect.TypeOf(err)
}()

func isMissing(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if reflect.TypeOf(err) == missingType {
			return true
		}
	}
	return false
}
