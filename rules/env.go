package rules

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
)

// Limits of a rule's source. The parser's own are far higher, and a rule is written by a
// person.
const (
	maxSourceLength  = 16 << 10 // in characters
	maxNesting       = 100
	maxNodes         = 5_000
	maxComprehension = 3 // loops inside loops
	maxRegexSize     = 10_000
)

// objects are the typed objects of the table of variables.
var objects = objectTypes()

// environment is what the tables look like to CEL. It is made once: nothing of it depends
// on a config.
var environment = sync.OnceValues(newEnvironment)

func newEnvironment() (*cel.Env, error) {
	opts := []cel.EnvOption{
		ext.Strings(), ext.Lists(), ext.Math(), ext.Bindings(), ext.Encoders(),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.EnableMacroCallTracking(), // so that explanations show what was written
		cel.EnableHiddenAccumulatorName(true),
		cel.ParserRecursionLimit(maxNesting),
		cel.ParserExpressionSizeLimit(maxSourceLength),
		cel.ExpressionNodeLimit(maxNodes),
		cel.RegexProgramSizeLimit(maxRegexSize),
		cel.ASTValidators(
			cel.ValidateDurationLiterals(),
			cel.ValidateTimestampLiterals(),
			cel.ValidateRegexLiterals(),
			cel.ValidateComprehensionNestingLimit(maxComprehension),
		),
	}
	for _, o := range objects {
		opts = append(opts, cel.Types(o), cel.Variable(o.name, cel.ObjectType(o.TypeName())))
	}
	for _, v := range slices.Concat(variables, hiddenVariables) {
		if !strings.Contains(v.name, ".") {
			opts = append(opts, cel.Variable(v.name, v.typ))
		}
	}
	for i := range functions {
		opts = append(opts, functions[i].options()...)
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, fmt.Errorf("make the environment of rules: %w", err)
	}
	if err := settleSharedErrors(env); err != nil {
		return nil, err
	}
	return env, nil
}
