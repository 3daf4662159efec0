package rules

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// path is a name with what is selected from it, such as context.user["plan"].
type path struct {
	// root is the variable, or "" when the path begins at anything else: a variable of a
	// loop, or the result of a call.
	root  string
	steps []step
}

// step selects a member or an element.
type step struct {
	// key is what is selected; nil for one that is computed, by the part of the rule in
	// computed.
	key      ref.Val
	computed string
	// id is the expression that ends with this step, operand the one before it.
	id, operand int64
}

// text returns the key as people write it in a sentence.
func (s step) text() string {
	switch key := s.key.(type) {
	case nil:
		return s.computed
	case types.String:
		return string(key)
	default:
		return fmt.Sprint(key.Value())
	}
}

// pathsOf returns the paths in a rule by the id of the expression that ends each, prefixes
// of longer ones included.
func pathsOf(checked *cel.Ast) map[int64]path {
	a := checked.NativeRep()
	paths := make(map[int64]path)
	refs := a.ReferenceMap()
	ast.PostOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			if getterOf(e.AsIdent()) != nil && refs[e.ID()] != nil && !isLocal(a, e) {
				paths[e.ID()] = path{root: e.AsIdent()}
			}
		case ast.SelectKind:
			sel := e.AsSelect()
			paths[e.ID()] = paths[sel.Operand().ID()].then(
				step{key: types.String(sel.FieldName()), id: e.ID(), operand: sel.Operand().ID()})
		case ast.CallKind:
			if call := e.AsCall(); call.FunctionName() == operators.Index {
				s := step{id: e.ID(), operand: call.Args()[0].ID()}
				if call.Args()[1].Kind() == ast.LiteralKind {
					s.key = call.Args()[1].AsLiteral()
				} else if computed, err := cel.ExprToString(call.Args()[1], a.SourceInfo()); err == nil {
					s.computed = computed
				}
				paths[e.ID()] = paths[call.Args()[0].ID()].then(s)
			}
		default:
		}
	}))
	return paths
}

func (p path) then(s step) path {
	return path{root: p.root, steps: append(slices.Clone(p.steps), s)}
}

// isLocal says whether an identifier is the variable of a loop that has a variable's name.
func isLocal(a *ast.AST, ident ast.Expr) bool {
	local := false
	ast.PreOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.ComprehensionKind {
			return
		}
		c := e.AsComprehension()
		if name := ident.AsIdent(); c.IterVar() != name && c.IterVar2() != name && c.AccuVar() != name {
			return
		}
		for _, inside := range []ast.Expr{c.LoopCondition(), c.LoopStep(), c.Result()} {
			ast.PreOrderVisit(inside, ast.NewExprVisitor(func(e ast.Expr) { local = local || e.ID() == ident.ID() }))
		}
	}))
	return local
}

// missing returns the first step of a path that leads nowhere in these facts. ok is false
// when the rule must be run to tell, because the path begins in a loop or computes a key.
func (p path) missing(f *Facts) (_ step, ok bool) {
	get := getterOf(p.root)
	if get == nil || len(p.steps) == 1 {
		return p.steps[len(p.steps)-1], len(p.steps) == 1
	}
	v := get(f)
	for i, s := range p.steps {
		if s.key == nil {
			return s, i == len(p.steps)-1
		}
		next, found := stepInto(v, s.key)
		if !found {
			return s, true
		}
		v = next
	}
	return step{}, false
}

// text returns the steps as they may be written after the root.
func (p path) text() string {
	keys := make([]string, len(p.steps))
	for i, s := range p.steps {
		keys[i] = s.text()
	}
	return strings.Join(keys, ".")
}

// stepInto selects a key of a map, an element of a list, or a field of an object.
func stepInto(v, key ref.Val) (ref.Val, bool) {
	switch v := v.(type) {
	case traits.Mapper:
		return v.Find(key)
	case traits.Lister:
		i, err := types.IndexOrError(key)
		if size, _ := v.Size().(types.Int); err != nil || i < 0 || types.Int(i) >= size {
			return nil, false
		}
		return v.Get(key), true
	case *object:
		next := v.Get(key)
		return next, !types.IsError(next)
	default:
		return nil, false
	}
}

// referencesOf returns what a rule names: the root of each path, with the field where the
// root is an object, and what calls with hidden arguments read.
func referencesOf(paths map[int64]path) []string {
	var names []string
	for _, p := range paths {
		if p.root == "" {
			continue
		}
		if !slices.ContainsFunc(objects, func(o *objectType) bool { return o.name == p.root }) {
			names = append(names, p.root)
			continue
		}
		if len(p.steps) > 0 {
			if field, ok := p.steps[0].key.(types.String); ok {
				names = append(names, p.root+"."+string(field))
			}
		}
	}
	for i := range functions {
		if slices.Contains(names, functions[i].hidden) {
			names = append(names, functions[i].reads...)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name[0] == '@' })
	slices.Sort(names)
	return slices.Compact(names)
}
