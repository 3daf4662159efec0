package rules

import (
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/tidwall/gjson"
)

// jsonList is a JSON array as a CEL list(dyn), whose elements are found when a rule first
// asks for one.
type jsonList struct {
	raw   string
	read  bool
	items []ref.Val
	// list is items as CEL's own kind of list, for what that can do.
	list traits.Lister
}

var _ traits.Lister = (*jsonList)(nil)

func (l *jsonList) all() []ref.Val {
	if !l.read {
		l.read = true
		gjson.Parse(l.raw).ForEach(func(_, value gjson.Result) bool {
			l.items = append(l.items, jsonValue(value))
			return true
		})
	}
	return l.items
}

func (l *jsonList) asList() traits.Lister {
	if l.list == nil {
		l.list = types.NewRefValList(types.DefaultTypeAdapter, l.all())
	}
	return l.list
}

// Get implements traits.Indexer.
func (l *jsonList) Get(index ref.Val) ref.Val {
	i, err := types.IndexOrError(index)
	if err != nil {
		return types.WrapErr(err)
	}
	if all := l.all(); i >= 0 && i < len(all) {
		return all[i]
	}
	return types.NewErr("there is no element %d", i)
}

// Add implements traits.Adder.
func (l *jsonList) Add(other ref.Val) ref.Val { return l.asList().Add(other) }

// Contains implements traits.Container.
func (l *jsonList) Contains(value ref.Val) ref.Val { return l.asList().Contains(value) }

// Iterator implements traits.Iterable.
func (l *jsonList) Iterator() traits.Iterator { return l.asList().Iterator() }

// Size implements traits.Sizer.
func (l *jsonList) Size() ref.Val { return types.Int(len(l.all())) }

// IsZeroValue implements traits.Zeroer.
func (l *jsonList) IsZeroValue() bool { return len(l.all()) == 0 }

// Equal implements ref.Val.
func (l *jsonList) Equal(other ref.Val) ref.Val { return l.asList().Equal(other) }

// ConvertToNative implements ref.Val.
func (l *jsonList) ConvertToNative(t reflect.Type) (any, error) { return l.asList().ConvertToNative(t) }

// ConvertToType implements ref.Val.
func (l *jsonList) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.ListType:
		return l
	case types.TypeType:
		return types.ListType
	default:
		return types.NewErr("a list cannot become a %s", t.TypeName())
	}
}

// Type implements ref.Val.
func (l *jsonList) Type() ref.Type { return types.ListType }

// Value implements ref.Val.
func (l *jsonList) Value() any { return l.raw }
