package rules

import (
	"errors"
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// claimMap is the claims of the authenticated user as a CEL map(string, dyn). Claims can
// only be looked up by name (llm.Client.Claim), so the map has no size and no list of keys;
// the compiler refuses rules that ask for either.
type claimMap struct {
	lazyMap
	facts *Facts
}

func (c *claimMap) lookup(name string) ref.Val {
	claim := c.facts.Request.Client.Claim
	if claim == nil {
		return nil
	}
	v, ok := claim(name)
	if !ok {
		return nil
	}
	return claimValue(v)
}

func (c *claimMap) members(func(string, ref.Val)) bool { return false }

// claimValue makes a CEL value of a claim. What CEL has no type for becomes its text.
func claimValue(v any) ref.Val {
	val := types.DefaultTypeAdapter.NativeToValue(v)
	if types.IsError(val) {
		return types.String(fmt.Sprint(v))
	}
	return val
}

// Equal implements ref.Val.
func (c *claimMap) Equal(other ref.Val) ref.Val { return types.Bool(ref.Val(c) == other) }

// ConvertToNative implements ref.Val.
func (c *claimMap) ConvertToNative(reflect.Type) (any, error) {
	return nil, errors.New("client.claims can only be asked for one claim")
}
