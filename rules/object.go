package rules

import (
	"fmt"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// objectType is the CEL type of an object: request, client or deployment. Its fields are
// the rows of variables whose names begin with the object's.
type objectType struct {
	*types.Type
	name   string
	fields []variable
}

var _ types.StructTypeDescriptor = (*objectType)(nil)

// objectPrefix begins the names of the types of objects.
const objectPrefix = "mulligan."

// objectTypes returns the objects of the table in its order.
func objectTypes() []*objectType {
	var all []*objectType
	byName := make(map[string]*objectType)
	for i, v := range variables {
		object, field, isField := strings.Cut(v.name, ".")
		if !isField {
			continue
		}
		o, ok := byName[object]
		if !ok {
			o = &objectType{Type: cel.ObjectType(objectPrefix+object, traits.FieldTesterType|traits.IndexerType), name: object}
			byName[object] = o
			all = append(all, o)
		}
		v.name, v.get = field, func(f *Facts) ref.Val { return f.value(i) }
		o.fields = append(o.fields, v)
	}
	return all
}

func (o *objectType) field(name string) (*variable, bool) {
	for i := range o.fields {
		if o.fields[i].name == name {
			return &o.fields[i], true
		}
	}
	return nil, false
}

// ReflectType implements types.StructTypeDescriptor: no Go type stands behind an object.
func (o *objectType) ReflectType() reflect.Type { return nil }

// FieldNames implements types.StructTypeDescriptor.
func (o *objectType) FieldNames() []string {
	names := make([]string, len(o.fields))
	for i := range o.fields {
		names[i] = o.fields[i].name
	}
	return names
}

// FindFieldType implements types.StructTypeDescriptor. A field is set, for has(), when it
// is not empty, zero or false.
func (o *objectType) FindFieldType(name string) (*types.FieldType, bool) {
	v, ok := o.field(name)
	if !ok {
		return nil, false
	}
	get := v.get
	return &types.FieldType{
		Type: v.typ,
		GetFrom: func(target any) (any, error) {
			f, ok := target.(*Facts)
			if !ok {
				return nil, fmt.Errorf("read %s.%s: not facts but %T", o.name, name, target)
			}
			return get(f), nil
		},
		IsSet: func(target any) bool {
			f, ok := target.(*Facts)
			return ok && !isZero(get(f))
		},
	}, true
}

func isZero(v ref.Val) bool {
	z, ok := v.(traits.Zeroer)
	return ok && z.IsZeroValue()
}

// NewValue implements types.StructTypeDescriptor: rules read objects and never make them.
func (o *objectType) NewValue(types.Adapter, map[string]ref.Val) ref.Val {
	return types.NewErr("a rule cannot make a %s", o.name)
}

// Adapt implements types.StructTypeDescriptor.
func (o *objectType) Adapt(types.Adapter, any) ref.Val {
	return types.NewErr("a rule cannot make a %s", o.name)
}

// object is request, client or deployment as a value.
type object struct {
	typ   *objectType
	facts *Facts
}

var _ traits.Indexer = (*object)(nil)

// Get implements traits.Indexer.
func (o *object) Get(index ref.Val) ref.Val {
	name, _ := index.(types.String)
	if v, ok := o.typ.field(string(name)); ok {
		return v.get(o.facts)
	}
	return types.NewErr("%s has no field %q", o.typ.name, string(name))
}

// IsSet implements traits.FieldTester.
func (o *object) IsSet(index ref.Val) ref.Val {
	name, _ := index.(types.String)
	if v, ok := o.typ.field(string(name)); ok {
		return types.Bool(!isZero(v.get(o.facts)))
	}
	return types.NewErr("%s has no field %q", o.typ.name, string(name))
}

// ConvertToNative implements ref.Val.
func (o *object) ConvertToNative(reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s can only be asked for its fields", o.typ.name)
}

// ConvertToType implements ref.Val.
func (o *object) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return o.typ.Type
	}
	return types.NewErr("%s can only be asked for its fields", o.typ.name)
}

// Equal implements ref.Val.
func (o *object) Equal(other ref.Val) ref.Val {
	p, ok := other.(*object)
	return types.Bool(ok && *p == *o)
}

// Type implements ref.Val.
func (o *object) Type() ref.Type { return o.typ.Type }

// Value implements ref.Val. It is what the getters of fields are given.
func (o *object) Value() any { return o.facts }
