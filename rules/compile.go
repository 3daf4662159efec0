package rules

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
)

// DefaultCostLimit is what a rule may cost, in steps: one for each name that it looks up and
// each function that it calls, and one for each ten bytes of text that these come to. It is
// far above what a rule needs on an ordinary request, and bounds loops over a large body to
// about a tenth of a second.
//
// The cost of a rule without loops that only compares and looks up is bounded by its own
// length and that of the request, so it is not counted.
const DefaultCostLimit = 1_000_000

// interruptEvery is how many steps a loop in a rule takes between two looks at whether the
// client is still there.
const interruptEvery = 100

// Options says what a Compiler knows beside the tables.
type Options struct {
	// KnownTarget says whether healthy() may name a provider or a provider/model. Nil knows
	// every name.
	KnownTarget func(name string) bool
	// Targets are names to suggest where healthy() names an unknown one. It may be nil.
	Targets []string
	// CostLimit is the cost at which a rule is stopped and has failed; 0 is DefaultCostLimit.
	CostLimit uint64
	// CredentialHeaders are headers that rules must not see, beside those that Mulligan
	// knows to carry credentials.
	CredentialHeaders []string
}

// Compiler compiles rules. It is safe for concurrent use.
type Compiler struct {
	env     *cel.Env
	options Options
}

// NewCompiler returns a compiler. It fails only when the tables of this package contradict
// themselves.
func NewCompiler(options Options) (*Compiler, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	if options.CostLimit == 0 {
		options.CostLimit = DefaultCostLimit
	}
	return &Compiler{env: env, options: options}, nil
}

// Condition is a compiled rule. It is safe for concurrent use.
type Condition struct {
	source     string
	compiler   *Compiler
	ast        *cel.Ast
	program    cel.Program
	loops      bool // it has loops
	bounded    bool // its cost need not be counted
	paths      map[int64]path
	references []string
	explainer  explainer
}

// Compile type-checks a rule and makes it ready. The rule must be a boolean, or of a type
// that is only known for each request (such as context.beta). The error is a *CompileError.
func (c *Compiler) Compile(source string) (*Condition, error) {
	if strings.TrimSpace(source) == "" {
		return nil, &CompileError{Line: 1, Column: 1, Message: "the rule is empty", Source: source}
	}
	parsed, issues := c.env.Parse(source)
	if issues.Err() != nil {
		return nil, syntaxError(source, issues)
	}
	checked, issues := c.env.Check(parsed)
	if issues.Err() != nil {
		return nil, c.checkError(source, parsed, issues)
	}
	if out := checked.OutputType(); !out.IsExactType(cel.BoolType) && !out.IsExactType(cel.DynType) {
		return nil, &CompileError{Line: 1, Column: 1, Source: source,
			Message: fmt.Sprintf("a rule must be true or false, and this is of type %s", describeType(out))}
	}
	if err := c.checkLiterals(source, checked); err != nil {
		return nil, err
	}
	cond := &Condition{source: source, compiler: c, ast: checked}
	cond.paths = pathsOf(checked)
	cond.loops, cond.bounded = costOf(checked)
	var err error
	if cond.program, err = cond.plan(cel.OptOptimize); err != nil {
		return nil, &CompileError{Line: 1, Column: 1, Message: err.Error(), Source: source}
	}
	cond.references = referencesOf(cond.paths)
	return cond, nil
}

// plan makes a program of the rule, with the limits that it needs.
func (c *Condition) plan(options ...cel.EvalOption) (cel.Program, error) {
	opts := []cel.ProgramOption{cel.EvalOptions(options...), cel.InterruptCheckFrequency(interruptEvery)}
	if !c.bounded {
		opts = append(opts, c.compiler.metered())
	}
	p, err := c.compiler.env.Program(c.ast, opts...)
	if err != nil {
		return nil, fmt.Errorf("plan the rule: %w", err)
	}
	return p, nil
}

// Source returns the rule as it was written.
func (c *Condition) Source() string { return c.source }

// References returns what the rule names, sorted: variables, and fields of the objects such
// as request.body. What is not in it is never read for this rule.
func (c *Condition) References() []string { return c.references }
