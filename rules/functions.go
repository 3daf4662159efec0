package rules

import (
	"errors"
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// function is one row of the table of Mulligan's own functions.
type function struct {
	name string
	// usages is how the function is called, with the types of its parameters and its result.
	usages []string
	doc    string
	// example is a rule that uses the function and compiles.
	example string
	// overloads is what the type-checker knows and what is run. What is run checks the types of
	// its arguments itself: CEL's own check would read a whole map to see what is in it.
	overloads []cel.FunctionOpt
	// A call with hiddenAt arguments gets one more: the variable hidden, which rules cannot
	// name themselves. That is how a function learns of the request. hiddenAt 0 is never.
	hiddenAt int
	hidden   string
	// reads is what a call with the hidden argument reads, for References.
	reads []string
}

// hiddenSubject and hiddenFacts are variables that only calls of functions name.
const (
	hiddenSubject = "@subject"
	hiddenFacts   = "@facts"
)

var factsType = cel.OpaqueType("mulligan.facts")

// hiddenVariables is what functions can be given beside their arguments.
var hiddenVariables = []variable{
	{name: hiddenSubject, typ: cel.StringType,
		get: func(f *Facts) ref.Val { return types.String(f.subject()) }},
	{name: hiddenFacts, typ: factsType,
		get: func(f *Facts) ref.Val { return (*factsValue)(f) }},
}

// functions is the table.
var functions = []function{
	{
		name:   "rollout",
		usages: []string{"rollout(name string, percent int|double) bool", "rollout(name string, percent int|double, subject string) bool"},
		doc: "Whether a subject is among a share of all subjects, in percent. The answer for one name and one subject is the same everywhere and for ever, and who is in at one percentage is in at every greater one; another name draws another share. " +
			"Without a subject it is `client.id`, else `request.user`, else the trace id (then each request is drawn on its own).",
		example: `rollout("new-model", 10)`,
		overloads: []cel.FunctionOpt{
			cel.Overload("rollout_int", []*cel.Type{cel.StringType, cel.IntType, cel.StringType}, cel.BoolType),
			cel.Overload("rollout_double", []*cel.Type{cel.StringType, cel.DoubleType, cel.StringType}, cel.BoolType),
			cel.SingletonFunctionBinding(rollout),
		},
		hiddenAt: 2, hidden: hiddenSubject, reads: []string{"client.id", "request.user"},
	},
	{
		name:   "healthy",
		usages: []string{"healthy(target string) bool"},
		doc: "Whether a provider (`healthy(\"openai\")`) or a target (`healthy(\"openai/gpt-5\")`) is expected to answer: false while it rests after failures. " +
			"A name in quotes must be one that the config has.",
		example: `healthy("demo")`,
		overloads: []cel.FunctionOpt{
			cel.Overload("healthy_string", []*cel.Type{cel.StringType, factsType}, cel.BoolType),
			cel.SingletonBinaryBinding(healthy),
		},
		hiddenAt: 1, hidden: hiddenFacts,
	},
	{
		name:   "orValue",
		usages: []string{"orValue(map, key string, default) value", "map.orValue(key string, default) value"},
		doc: "The map's value for a key, or the default when the key is not there or its value is null. " +
			"The result has the default's type, so a rule that compares it with something else is refused when the config is loaded; a value of another type is an error, but for numbers, which become the default's kind of number where they fit. " +
			"For what is nested, the default is an empty map: `context.orValue(\"user\", {}).orValue(\"plan\", \"free\")`.",
		example: `orValue(context, "tier", "free") == "enterprise"`,
		overloads: []cel.FunctionOpt{
			cel.Overload("or_value_map", []*cel.Type{cel.MapType(cel.StringType, mapValueType), cel.StringType, defaultType}, defaultType),
			cel.MemberOverload("map_or_value", []*cel.Type{cel.MapType(cel.StringType, mapValueType), cel.StringType, defaultType}, defaultType),
			cel.SingletonFunctionBinding(orValue),
		},
	},
}

var (
	mapValueType = cel.TypeParamType("V")
	defaultType  = cel.TypeParamType("D")
)

// options declares a row's function, and the macro that adds its hidden argument.
func (fn *function) options() []cel.EnvOption {
	opts := []cel.EnvOption{cel.Function(fn.name, fn.overloads...)}
	if fn.hiddenAt > 0 {
		opts = append(opts, cel.Macros(cel.GlobalMacro(fn.name, fn.hiddenAt,
			func(eh cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
				return eh.NewCall(fn.name, append(args[:len(args):len(args)], eh.NewIdent(fn.hidden))...), nil
			})))
	}
	return opts
}

func lookupFunction(name string) (*function, bool) {
	for i := range functions {
		if functions[i].name == name {
			return &functions[i], true
		}
	}
	return nil, false
}

func rollout(args ...ref.Val) ref.Val {
	name, ok := args[0].(types.String)
	subject, ok2 := args[2].(types.String)
	if !ok || !ok2 {
		return types.NewErr("rollout: the name and the subject must be strings")
	}
	switch percent := args[1].(type) {
	case types.Int:
		return types.Bool(inRollout(string(name), float64(percent), string(subject)))
	case types.Double:
		return types.Bool(inRollout(string(name), float64(percent), string(subject)))
	default:
		return types.NewErr("rollout: the percentage must be a number, not of type %s", typeName(args[1]))
	}
}

func healthy(target, facts ref.Val) ref.Val {
	name, ok := target.(types.String)
	f, ok2 := facts.(*factsValue)
	if !ok || !ok2 {
		return types.NewErr("healthy: the target must be a string")
	}
	return types.Bool((*Facts)(f).healthy(string(name)))
}

// orValue returns a key's value or the default, in the default's type.
func orValue(args ...ref.Val) ref.Val {
	m, ok := args[0].(traits.Mapper)
	if !ok {
		return types.NewErr("orValue: not a map but of type %s", typeName(args[0]))
	}
	if _, isString := args[1].(types.String); !isString {
		return types.NewErr("orValue: the key must be a string, not of type %s", typeName(args[1]))
	}
	fallback := args[2]
	v, found := m.Find(args[1])
	if !found || v == types.NullValue {
		return fallback
	}
	if fallback == types.NullValue || typeName(v) == typeName(fallback) {
		return v
	}
	if isNumber(v) && isNumber(fallback) {
		return sameNumber(v, fallback.Type())
	}
	return types.NewErr("orValue: the value of %q is of type %s, and its default of type %s",
		args[1].Value(), typeName(v), typeName(fallback))
}

// sameNumber returns v as the kind of number given, or as it is when it does not fit, such
// as 2.5 as an int; CEL compares numbers of every kind.
func sameNumber(v ref.Val, kind ref.Type) ref.Val {
	converted := v.ConvertToType(kind)
	if types.IsError(converted) || types.Equal(converted, v) != types.True {
		return v
	}
	return converted
}

func isNumber(v ref.Val) bool {
	switch v.(type) {
	case types.Int, types.Uint, types.Double:
		return true
	default:
		return false
	}
}

func typeName(v ref.Val) string { return v.Type().TypeName() }

// factsValue is Facts as the value of the hidden variable @facts.
type factsValue Facts

var _ ref.Val = (*factsValue)(nil)

var errFactsAreHidden = errors.New("the facts of a request are not a value of rules")

// ConvertToNative implements ref.Val.
func (f *factsValue) ConvertToNative(reflect.Type) (any, error) { return nil, errFactsAreHidden }

// ConvertToType implements ref.Val.
func (f *factsValue) ConvertToType(ref.Type) ref.Val { return types.WrapErr(errFactsAreHidden) }

// Equal implements ref.Val.
func (f *factsValue) Equal(other ref.Val) ref.Val { return types.Bool(ref.Val(f) == other) }

// Type implements ref.Val.
func (f *factsValue) Type() ref.Type { return factsType }

// Value implements ref.Val.
func (f *factsValue) Value() any { return nil }
