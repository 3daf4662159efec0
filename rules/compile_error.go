package rules

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
)

// CompileError says what is wrong with a rule and where.
type CompileError struct {
	// Line and Column count from 1; a column is a character.
	Line, Column int
	Message      string
	// Source is the whole rule.
	Source string
}

// Error returns the place, the message, and the line of the rule with a caret below it. Of a
// long line it shows what is around the place.
func (e *CompileError) Error() string {
	before, from := e.split()
	if runes := []rune(before); len(runes) > excerptBefore {
		before = "…" + string(runes[len(runes)-excerptBefore:])
	}
	if runes := []rune(from); len(runes) > excerptFrom {
		from = string(runes[:excerptFrom]) + "…"
	}
	return fmt.Sprintf("%d:%d: %s\n\t%s%s\n\t%s^", e.Line, e.Column, e.Message, before, from, blank(before))
}

// How many characters of a long line are shown before the place of an error, and from it.
const (
	excerptBefore = 60
	excerptFrom   = 60
)

func newCompileError(source string, at common.Location, message string) *CompileError {
	return &CompileError{Line: max(at.Line(), 1), Column: max(at.Column()+1, 1), Message: message, Source: source}
}

// line returns the line of the source that the error is on.
func (e *CompileError) line() string {
	lines := strings.Split(e.Source, "\n")
	if e.Line > len(lines) {
		return ""
	}
	return strings.TrimSuffix(lines[e.Line-1], "\r")
}

// split returns the error's line before and from its column.
func (e *CompileError) split() (before, from string) {
	line := []rune(e.line())
	n := min(e.Column-1, len(line))
	return string(line[:n]), string(line[n:])
}

// pointAt moves the column to where an expression's name begins. CEL's place of a selection
// is its dot, and of a call its parenthesis.
func (e *CompileError) pointAt(node ast.Expr) {
	before, from := e.split()
	switch node.Kind() {
	case ast.SelectKind:
		if i := strings.Index(from, "."+node.AsSelect().FieldName()); i >= 0 {
			e.Column += len([]rune(from[:i])) + 1
		}
	case ast.CallKind:
		name := node.AsCall().FunctionName()
		if trimmed := strings.TrimRight(before, " \t"); strings.HasPrefix(from, "(") && strings.HasSuffix(trimmed, name) {
			e.Column -= len([]rune(before)) - len([]rune(trimmed)) + len(name)
		}
	default:
	}
}

// blank returns white space as wide as s.
func blank(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, s)
}
