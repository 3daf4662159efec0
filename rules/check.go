package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// checkError makes an error of the type-checker's first complaint. What is wrong follows
// from the kind of expression that it is about; the checker's own words are kept for the rest.
func (c *Compiler) checkError(source string, parsed *cel.Ast, issues *cel.Issues) *CompileError {
	first := slices.MinFunc(issues.Errors(), func(a, b *common.Error) int {
		return cmp.Or(a.Location.Line()-b.Location.Line(), a.Location.Column()-b.Location.Column())
	})
	a := parsed.NativeRep()
	e := newCompileError(source, first.Location, first.Message)
	node, found := findNode(a, first.ExprID)
	if !found {
		return e
	}
	e.pointAt(node)
	switch node.Kind() {
	case ast.IdentKind:
		e.Message = c.unknownVariable(a, node)
	case ast.SelectKind:
		if message, ok := unknownField(node.AsSelect()); ok {
			e.Message = message
		}
	case ast.CallKind:
		e.Message = c.wrongCall(node.AsCall(), first.Message)
	case ast.LiteralKind:
		if better, ok := literalComplaints[first.Message]; ok {
			e.Message = better
		}
	case ast.ComprehensionKind:
		if first.Message == "comprehension exceeds nesting limit" {
			e.Message = fmt.Sprintf("this is more than %d loops inside each other", maxComprehension)
		}
	default:
	}
	return e
}

// literalComplaints says better what CEL's validators of literals say.
var literalComplaints = map[string]string{
	"invalid matches argument":   "this is not a regular expression (RE2 syntax)",
	"invalid duration argument":  `this is not a duration, such as "90s" or "1h30m"`,
	"invalid timestamp argument": `this is not a time (RFC 3339), such as "2026-01-31T12:00:00Z"`,
}

func findNode(a *ast.AST, id int64) (found ast.Expr, ok bool) {
	ast.PreOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.ID() == id && e.Kind() != ast.UnspecifiedExprKind && !ok {
			found, ok = e, true
		}
	}))
	return found, ok
}

// unknownVariable says that there is no such variable. A name before a dot may also have
// been meant as the first half of a function's, as in math.greatest().
func (c *Compiler) unknownVariable(a *ast.AST, ident ast.Expr) string {
	name := ident.AsIdent()
	var called string
	ast.PreOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.CallKind && e.AsCall().IsMemberFunction() && e.AsCall().Target().ID() == ident.ID() {
			called = e.AsCall().FunctionName()
		}
	}))
	if called != "" {
		if message, ok := c.unknownInNamespace(name, called); ok {
			return message
		}
	}
	known := variableNames()
	if hint := didYouMean(name, append(known, "true", "false", "null")); hint != "" {
		return fmt.Sprintf("there is no variable %q%s", name, hint)
	}
	for _, v := range variables {
		if object, field, ok := strings.Cut(v.name, "."); ok && field == name {
			return fmt.Sprintf("there is no variable %q; did you mean \"%s.%s\"?", name, object, field)
		}
	}
	return fmt.Sprintf("there is no variable %q; there are %s", name, strings.Join(known, ", "))
}

// variableNames returns what a rule can begin a name with.
func variableNames() []string {
	var names []string
	for _, v := range variables {
		name, _, _ := strings.Cut(v.name, ".")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func unknownField(sel ast.SelectExpr) (string, bool) {
	if sel.Operand().Kind() != ast.IdentKind {
		return "", false
	}
	for _, o := range objects {
		if o.name != sel.Operand().AsIdent() {
			continue
		}
		if _, ok := o.field(sel.FieldName()); ok {
			return "", false
		}
		hint := didYouMean(sel.FieldName(), o.FieldNames())
		if hint == "" {
			hint = "; it has " + strings.Join(o.FieldNames(), ", ")
		}
		return fmt.Sprintf("%s has no field %q%s", o.name, sel.FieldName(), hint), true
	}
	return "", false
}

// wrongCall says what is wrong with a call of a function or an operator.
func (c *Compiler) wrongCall(call ast.CallExpr, complaint string) string {
	name := call.FunctionName()
	if fn, ok := lookupFunction(name); ok {
		return "call it as " + strings.Join(fn.usages, ", or ")
	}
	if !c.env.HasFunction(name) {
		return c.unknownFunction(call)
	}
	if name == operators.Index && call.Args()[0].Kind() == ast.IdentKind {
		if message, ok := notAMap(call); ok {
			return message
		}
	}
	if usage, ok := c.wrongSide(call); ok {
		return "call it as " + usage
	}
	_, types, ok := strings.Cut(complaint, " applied to ")
	if !ok {
		return complaint
	}
	if name == operators.Conditional {
		name = "? :"
	} else if display, isOperator := operators.FindReverse(name); isOperator {
		name = cmp.Or(display, name)
	}
	return fmt.Sprintf("%s does not go with these types: %s", name, strings.Trim(types, "'"))
}

// notAMap is for an object that is asked for a field in brackets.
func notAMap(index ast.CallExpr) (string, bool) {
	for _, o := range objects {
		if o.name != index.Args()[0].AsIdent() {
			continue
		}
		field := o.fields[0].name
		if name, ok := literalString(index.Args()[1]); ok {
			if _, exists := o.field(name); exists {
				field = name
			}
		}
		return fmt.Sprintf("%s is not a map; its fields are written as %s.%s", o.name, o.name, field), true
	}
	return "", false
}

func describeType(t *cel.Type) string {
	switch t.Kind() {
	case types.StructKind:
		return strings.TrimPrefix(t.TypeName(), objectPrefix) + ", which is an object with fields"
	default:
		return t.String()
	}
}
