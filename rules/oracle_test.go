package rules

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"pgregory.net/rapid"
)

// oracleContext is the context of generated rules.
const oracleContext = `{"t":"b","n":2,"f":2.5,"z":null,"y":true,"l":[1,2,3,2],"s":["a","b","a"],"m":{"k":"v","n":1},"o":[{"k":1},{"k":2,"x":"y"},{}],"e":{},"w":[]}`

// TestRulesMeanWhatCELSays runs generated rules with the meter and the values of this package
// on one side, and by CEL alone with its own maps and lists on the other.
func TestRulesMeanWhatCELSays(t *testing.T) {
	compiler := newCompiler(t, Options{CostLimit: 1 << 40})
	native := map[string]any{"context": nativeJSON(t, oracleContext)}
	seen := map[Verdict]int{}
	newFacts := func() *Facts { return sample{context: oracleContext}.facts(t) }
	rapid.Check(t, func(t *rapid.T) {
		source := boolean(t, 4, nil)
		rule, err := compiler.Compile(source)
		if err != nil {
			t.Skip("it does not compile")
		}
		plain, err := compiler.env.Program(rule.ast, cel.EvalOptions(cel.OptOptimize))
		if err != nil {
			t.Fatal(err)
		}
		f := newFacts()
		out, _, err := plain.Eval(native)
		f.use(compiler)
		want := rule.result(f, out, err)
		rule.loops, rule.bounded = true, false // so that the meter runs, whatever it is
		if rule.program, err = rule.plan(cel.OptOptimize); err != nil {
			t.Fatal(err)
		}
		got := rule.Eval(context.Background(), f)
		if got.Verdict != want.Verdict || got.Key != want.Key {
			t.Fatalf("%s\n got %s %q %v\nwant %s %q %v", source, got.Verdict, got.Key, got.Err, want.Verdict, want.Key, want.Err)
		}
		seen[got.Verdict]++
	})
	for _, v := range []Verdict{Matched, NotMatched, KeyMissing, Failed} {
		if seen[v] == 0 {
			t.Errorf("no generated rule is %s: %v", v, seen)
		}
	}
}

// nativeJSON reads JSON into Go's maps and slices, with the kinds of numbers that jsonValue makes.
func nativeJSON(t *testing.T, raw string) any {
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return withNumbers(v)
}

func withNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	case map[string]any:
		for k := range v {
			v[k] = withNumbers(v[k])
		}
	case []any:
		for i := range v {
			v[i] = withNumbers(v[i])
		}
	}
	return v
}

func pick[T any](t *rapid.T, from ...T) T { return rapid.SampledFrom(from).Draw(t, "pick") }

// boolean generates a rule. loops are the variables of the loops around it.
func boolean(t *rapid.T, depth int, loops []string) string {
	if depth == 0 {
		return pick(t, "true", "false", "context.y", "context.absent", `has(context.m.k)`, `has(context.e.k)`, `"k" in context.m`)
	}
	b := func() string { return boolean(t, depth-1, loops) }
	v := func() string { return value(t, depth-1, loops) }
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return "(" + b() + " && " + b() + ")"
	case 1:
		return "(" + b() + " || " + b() + ")"
	case 2:
		return "!" + b()
	case 3:
		return "(" + b() + " ? " + b() + " : " + b() + ")"
	case 4, 5:
		return v() + pick(t, " == ", " != ") + v()
	case 6:
		return "dyn(" + v() + ")" + pick(t, " < ", " >= ") + "dyn(" + v() + ")"
	case 7:
		return v() + " in " + list(t, depth-1, loops)
	default:
		x := "x" + strconv.Itoa(len(loops))
		inside := boolean(t, depth-1, append(loops[:len(loops):len(loops)], x))
		return fmt.Sprintf("%s.%s(%s, %s)", list(t, depth-1, loops), pick(t, "all", "exists", "exists_one"), x, inside)
	}
}

func value(t *rapid.T, depth int, loops []string) string {
	leaves := []string{"1", "2.0", `"a"`, "null", "dyn(3u)", "context.t", "context.n", "context.f", "context.m", "context.e", "context.o[1]", "context.absent", "context.l[9]", "context"}
	for _, x := range loops {
		leaves = append(leaves, x, x, x+".k")
	}
	if depth == 0 {
		return pick(t, leaves...)
	}
	v := func() string { return value(t, depth-1, loops) }
	l := func() string { return list(t, depth-1, loops) }
	switch rapid.IntRange(0, 8).Draw(t, "kind") {
	case 0:
		return l()
	case 1:
		return fmt.Sprintf(`{"k": %s, "n": %s}`, v(), v())
	case 2:
		return fmt.Sprintf("size(%s)", l())
	case 3:
		return fmt.Sprintf("dyn(%s)[%s]", l(), pick(t, "0", "1", "7", "context.n"))
	case 4:
		return fmt.Sprintf("dyn(%s).k", v())
	case 5:
		return fmt.Sprintf("(dyn(%s) + dyn(%s))", v(), v())
	case 6:
		return fmt.Sprintf(`dyn(%s).orValue("k", "d")`, pick(t, "context.m", "context.e", "context.o[0]", "context.o[2]"))
	case 7:
		return fmt.Sprintf(`"%%s".format([%s])`, v())
	default:
		return pick(t, leaves...)
	}
}

func list(t *rapid.T, depth int, loops []string) string {
	if depth == 0 {
		return pick(t, "context.l", "context.s", "context.o", "context.w", "[1, 2]", "lists.range(2)")
	}
	x := "x" + strconv.Itoa(len(loops))
	inner := append(loops[:len(loops):len(loops)], x)
	l := func() string { return list(t, depth-1, loops) }
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0:
		return fmt.Sprintf("[%s, %s]", value(t, depth-1, loops), value(t, depth-1, loops))
	case 1:
		return fmt.Sprintf("%s.map(%s, %s)", l(), x, value(t, depth-1, inner))
	case 2:
		return fmt.Sprintf("%s.filter(%s, %s)", l(), x, boolean(t, depth-1, inner))
	case 3:
		return fmt.Sprintf("dyn(%s).distinct()", l())
	case 4:
		return fmt.Sprintf("dyn(%s).%s()", l(), pick(t, "reverse", "flatten", "sort"))
	case 5:
		return fmt.Sprintf("dyn(%s).slice(0, 1)", l())
	case 6:
		return fmt.Sprintf("dyn(%s).sortBy(%s, %s)", l(), x, value(t, depth-1, inner))
	default:
		return pick(t, "context.l", "context.s", "context.o", "context.w")
	}
}
