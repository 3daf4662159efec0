package rules

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/mulligan-gateway/mulligan/llm"
)

func TestLookupsAreKept(t *testing.T) {
	o := newJSONObject(`{"a":{"b":[1]},"n":1}`)
	first, _ := o.Find(types.String("a"))
	again, _ := o.Find(types.String("a"))
	if first != again {
		t.Error("a member that was asked for twice was read twice")
	}
	if _, ok := o.Find(types.String("absent")); ok {
		t.Error("an absent member is there")
	}
	if len(o.asked) != 2 || o.all != nil {
		t.Errorf("kept %d members, all %v", len(o.asked), o.all != nil)
	}
}

func TestManyLookupsReadAMapOnce(t *testing.T) {
	var raw strings.Builder
	header := http.Header{}
	for i := range 100 {
		fmt.Fprintf(&raw, `"k%d":%d,`, i, i)
		header.Set(fmt.Sprintf("X-K%d", i), fmt.Sprint(i))
	}
	f := sample{body: `{` + raw.String() + `"last":{"x":1}}`, context: `{` + raw.String() + `"last":0}`, header: header}.facts(t)
	f.use(newCompiler(t, Options{}))
	for _, m := range []*lazyMap{&f.body().(*jsonObject).lazyMap, &f.jsonRoot(rootContext).(*jsonObject).lazyMap, &f.headerMap().(*headerMap).lazyMap} {
		prefix := "k"
		if m == &f.headers.lazyMap {
			prefix = "x-k"
		}
		for i := range 100 {
			v, ok := m.Find(types.String(fmt.Sprintf("%s%d", prefix, i)))
			if text, _ := v.ConvertToType(types.StringType).(types.String); !ok || string(text) != fmt.Sprint(i) {
				t.Fatalf("%s%d is %v", prefix, i, v)
			}
			if read := m.all != nil; read != (i >= fewAsked) {
				t.Fatalf("after %d lookups: all was read: %v", i+1, read)
			}
		}
		if _, ok := m.Find(types.String("absent")); ok {
			t.Error("an absent member is there")
		}
	}
}

func TestOfAKeyThatIsThereTwiceTheFirstCounts(t *testing.T) {
	s := sample{body: `{"o":{"a":1,"b":2,"a":3}}`}
	for _, source := range []string{`request.body.o.a == 1`, `size(request.body.o) == 2`, `request.body.o == {"a": 1, "b": 2}`,
		`request.body.o.map(k, k) == ["a", "b"]`, `request.body.o.map(k, request.body.o[k]) == [1, 2]`} {
		expect(t, s, source, Matched)
	}
}

func TestMoreClaimsThanAreKeptCanBeAskedFor(t *testing.T) {
	asked := map[string]int{}
	s := sample{
		context: `{"names":["c0","c1","c2","c3","c4","c5","c6","c7","c8","c9","c10","c11"]}`,
		client: llm.Client{Claim: func(name string) (any, bool) {
			asked[name]++
			return "claim " + name, strings.HasPrefix(name, "c")
		}},
	}
	f := s.facts(t)
	rule := compile(t, `context.names.all(n, client.claims[n] == "claim " + n) && !("x" in client.claims)`)
	for range 3 {
		if got := rule.Eval(t.Context(), f); got.Verdict != Matched {
			t.Fatalf("%v %v", got.Verdict, got.Err)
		}
	}
	if asked["c0"] != 1 || asked["c11"] != 3 {
		t.Errorf("asked for claims: %v", asked)
	}
}

func TestClaimsOfAnyTypeAreValues(t *testing.T) {
	type custom struct{ A int }
	s := sample{client: llm.Client{Claim: func(name string) (any, bool) {
		v, ok := map[string]any{"text": "x", "int": 3, "float": 2.5, "list": []any{"a", 1}, "map": map[string]any{"k": "v"}, "none": nil, "odd": custom{7}, "bool": true}[name]
		return v, ok
	}}}
	for _, source := range []string{`client.claims.text == "x"`, `client.claims.int == 3`, `client.claims.float > 2`, `"a" in client.claims.list`, `client.claims.map.k == "v"`,
		`client.claims.none == null`, `client.claims.odd == "{7}"`, `client.claims.bool`, `!has(client.claims.absent)`} {
		expect(t, s, source, Matched)
	}
}

func TestMapsEqualEachOther(t *testing.T) {
	f := sample{body: `{"a":{"x":1,"y":[1,2.0]},"b":{"y":[1.0,2],"x":1},"c":{"x":1},"d":{"x":1,"z":[1,2]}}`}.facts(t)
	body := f.body().(traits.Mapper)
	get := func(name string) ref.Val { return body.Get(types.String(name)) }
	for pair, want := range map[string]types.Bool{"a a": true, "a b": true, "b a": true, "a c": false, "c a": false, "a d": false} {
		x, y, _ := strings.Cut(pair, " ")
		if got := get(x).Equal(get(y)); got != want {
			t.Errorf("%s: %v", pair, got)
		}
		// CEL's own maps say the same of ours.
		if got := get(x).(*jsonObject).asMap().Equal(get(y)); got != want {
			t.Errorf("%s as a map of CEL: %v", pair, got)
		}
	}
	if get("a").Equal(types.IntOne) != types.False {
		t.Error("a map equals a number")
	}
}
