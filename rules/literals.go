package rules

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// checkLiterals refuses what the types allow and yet can never be meant.
func (c *Compiler) checkLiterals(source string, checked *cel.Ast) error {
	a := checked.NativeRep()
	var first *CompileError
	refuse := func(e ast.Expr, format string, args ...any) {
		if first == nil {
			first = newCompileError(source, a.SourceInfo().GetStartLocation(e.ID()), fmt.Sprintf(format, args...))
			first.pointAt(e)
		}
	}
	ast.PreOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.CallKind:
			c.checkCall(e.AsCall(), refuse)
		case ast.SelectKind:
			if isIdent(e.AsSelect().Operand(), "headers") {
				c.checkHeader(e, e.AsSelect().FieldName(), refuse)
			}
		case ast.StructKind:
			refuse(e, "a rule cannot make objects of a type")
		default:
		}
	}))
	if first == nil {
		checkClaims(a, refuse)
	}
	if first == nil {
		return nil
	}
	return first
}

type refuseFunc func(e ast.Expr, format string, args ...any)

func (c *Compiler) checkCall(call ast.CallExpr, refuse refuseFunc) {
	args := call.Args()
	switch call.FunctionName() {
	case "rollout":
		if percent, ok := literalNumber(args[1]); ok && !(percent >= 0 && percent <= 100) {
			refuse(args[1], "rollout is given %v percent; give it 0 to 100", percent)
		}
	case "healthy":
		if name, ok := literalString(args[0]); ok && c.options.KnownTarget != nil && !c.options.KnownTarget(name) {
			hint := didYouMean(name, c.options.Targets)
			if hint == "" {
				hint = "; name a provider, or a provider/model of the garden"
			}
			refuse(args[0], "healthy is asked about %q, and there is no such provider or target%s", name, hint)
		}
	}
	if of, key, ok := lookupCall(call); ok && isIdent(of, "headers") {
		if name, ok := literalString(key); ok {
			c.checkHeader(key, name, refuse)
		}
	}
}

// lookupCall returns the map and the key of a call that looks up a key.
func lookupCall(call ast.CallExpr) (of, key ast.Expr, ok bool) {
	args := call.Args()
	switch {
	case call.FunctionName() == operators.Index:
		return args[0], args[1], true
	case call.FunctionName() == operators.In:
		return args[1], args[0], true
	case call.FunctionName() == "orValue" && call.IsMemberFunction():
		return call.Target(), args[0], true
	case call.FunctionName() == "orValue":
		return args[0], args[1], true
	default:
		return nil, nil, false
	}
}

func (c *Compiler) checkHeader(e ast.Expr, name string, refuse refuseFunc) {
	if isCredential(name, c.options.CredentialHeaders) {
		refuse(e, "the header %q carries a credential, which rules never see; client.id says who the client is", name)
	}
	if lower := strings.ToLower(name); lower != name {
		refuse(e, "header names are in lower case here; write %q", lower)
	}
	if strings.ContainsAny(name, "_.") {
		refuse(e, "Caddy drops request headers with _ or . in their names, so this one is never there; send and write headers[%q]",
			strings.NewReplacer("_", "-", ".", "-").Replace(name))
	}
}

// checkClaims refuses client.claims where it is not asked for one claim.
func checkClaims(a *ast.AST, refuse refuseFunc) {
	asked := make(map[int64]bool)
	ast.PreOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.SelectKind:
			asked[e.AsSelect().Operand().ID()] = true
			if e.AsSelect().FieldName() == "claims" && isIdent(e.AsSelect().Operand(), "client") && !asked[e.ID()] {
				refuse(e, "client.claims can only be asked for one claim, as in client.claims.role")
			}
		case ast.CallKind:
			if of, _, ok := lookupCall(e.AsCall()); ok {
				asked[of.ID()] = true
			}
		default:
		}
	}))
}

func isIdent(e ast.Expr, name string) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == name }

func literalString(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

func literalNumber(e ast.Expr) (float64, bool) {
	if e.Kind() != ast.LiteralKind {
		return 0, false
	}
	switch n := e.AsLiteral().(type) {
	case types.Int:
		return float64(n), true
	case types.Double:
		return float64(n), true
	default:
		return 0, false
	}
}
