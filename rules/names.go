package rules

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// macroUsages is how CEL's macros are written, by name. CEL knows their names and no more,
// and not that some belong to a namespace.
var macroUsages = map[string]string{
	"has":        `has(context.tier)`,
	"all":        `context.tags.all(t, t != "")`,
	"exists":     `context.tags.exists(t, t == "beta")`,
	"exists_one": `context.tags.exists_one(t, t == "beta")`,
	"filter":     `context.tags.filter(t, t != "")`,
	"map":        `context.tags.map(t, t + "!")`,
	"sortBy":     `context.users.sortBy(u, u.age)`,
	"bind":       `cel.bind(u, context.user, u.age > 17)`,
	"least":      `math.least(request.max_tokens, 100)`,
	"greatest":   `math.greatest(request.max_tokens, 100)`,
}

// parameterTypes are the types that are named where a call could be meant.
var parameterTypes = []string{"map", "list", "null_type"}

// functionNames returns what a rule can call, functions and macros but not operators, with
// the namespaces that they are in.
func (c *Compiler) functionNames() []string {
	var names []string
	for name := range c.env.Functions() {
		if _, isOperator := operators.FindReverse(name); !isOperator && name != operators.OldIn && !strings.Contains(name, "@") && name[0] != '_' {
			names = append(names, name)
		}
	}
	for name, usage := range macroUsages {
		if namespace, _, ok := strings.Cut(usage, "."+name+"("); ok && (namespace == "cel" || namespace == "math") {
			name = namespace + "." + name
		}
		names = append(names, name)
	}
	return names
}

// unknownFunction says how a type or a macro is written that is called in a wrong way, or
// that there is no such function.
func (c *Compiler) unknownFunction(call ast.CallExpr) string {
	name := call.FunctionName()
	if !call.IsMemberFunction() && slices.Contains(parameterTypes, name) {
		return fmt.Sprintf("%s is a type, and is written without parameters, as in type(context.tier) == %s", name, name)
	}
	if usage, ok := macroUsages[name]; ok {
		return fmt.Sprintf("%s is written as in %s", name, usage)
	}
	return fmt.Sprintf("there is no function %q%s", name, didYouMean(name, c.functionNames()))
}

// unknownInNamespace is for a call such as math.max(), of which CEL says that there is no
// variable math. ok is false when the name before the dot is like no namespace.
func (c *Compiler) unknownInNamespace(namespace, name string) (message string, ok bool) {
	called := namespace + "." + name
	var inside, elsewhere []string
	for _, known := range c.functionNames() {
		if strings.HasPrefix(known, namespace+".") {
			inside = append(inside, known)
		}
		if strings.HasSuffix(known, "."+name) {
			elsewhere = append(elsewhere, known)
		}
	}
	if len(inside) == 0 {
		hint := didYouMean(called, elsewhere)
		return fmt.Sprintf("there is no function %q%s", called, hint), hint != ""
	}
	hint := didYouMean(called, inside)
	if hint == "" {
		slices.Sort(inside)
		hint = "; there are " + strings.Join(inside, ", ")
	}
	return fmt.Sprintf("there is no function %q%s", called, hint), true
}

// wrongSide is for a function that is written before its argument and belongs behind it, or
// the other way round. ok is false when it can be written as it is.
func (c *Compiler) wrongSide(call ast.CallExpr) (usage string, ok bool) {
	name := call.FunctionName()
	if _, isOperator := operators.FindReverse(name); isOperator {
		return "", false
	}
	for _, o := range c.env.Functions()[name].OverloadDecls() {
		if o.IsMemberFunction() == call.IsMemberFunction() {
			return "", false
		}
	}
	if call.IsMemberFunction() {
		return name + "(…), before the value that it is about", true
	}
	return "x." + name + "(…), after the value that it is about", true
}
