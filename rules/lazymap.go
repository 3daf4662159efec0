package rules

import (
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// source is where a lazyMap has its members from.
type source interface {
	// lookup returns the value of one member, or nil when it is not there.
	lookup(name string) ref.Val
	// members calls yield for every member, in an order that stays the same, and returns true.
	// When it calls with a name twice, the first one counts. It returns false where nobody can
	// tell which members there are.
	members(yield func(name string, v ref.Val)) bool
}

// lazyMap is a CEL map with names for keys, whose members are read when a rule asks for
// them and then kept: rules that ask the same share one value. It belongs to one request.
type lazyMap struct {
	from source
	// asked is what was asked for one by one.
	asked []member
	// all and keys are every member, once it was worth reading them all.
	all  map[string]ref.Val
	keys []ref.Val
}

// member is a name and its value, nil where there is no such member.
type member struct {
	name  string
	value ref.Val
}

// fewAsked is how many members are looked up one by one. Who asks for more of them does so
// in a loop, and then finding each one anew would take the square of the map's length.
const fewAsked = 8

var _ traits.Mapper = (*lazyMap)(nil)

// Find implements traits.Mapper.
func (m *lazyMap) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	if m.all == nil {
		for i := range m.asked {
			if m.asked[i].name == string(name) {
				return m.asked[i].value, m.asked[i].value != nil
			}
		}
	}
	if m.all == nil && (len(m.asked) < fewAsked || !m.readAll()) {
		v := m.from.lookup(string(name))
		if len(m.asked) < fewAsked {
			m.asked = append(m.asked, member{string(name), v})
		}
		return v, v != nil
	}
	v, ok := m.all[string(name)]
	return v, ok
}

// readAll reads all members, and returns false where nobody can tell which there are.
func (m *lazyMap) readAll() bool {
	if m.all != nil {
		return true
	}
	all := make(map[string]ref.Val)
	var keys []ref.Val
	listed := m.from.members(func(name string, v ref.Val) {
		if _, twice := all[name]; !twice {
			all[name] = v
			keys = append(keys, types.String(name))
		}
	})
	if listed {
		m.all, m.keys = all, keys
	}
	return listed
}

// Get implements traits.Indexer.
func (m *lazyMap) Get(key ref.Val) ref.Val {
	if v, ok := m.Find(key); ok {
		return v
	}
	return types.NewErr("there is no key %v", key)
}

// Contains implements traits.Container.
func (m *lazyMap) Contains(key ref.Val) ref.Val {
	_, ok := m.Find(key)
	return types.Bool(ok)
}

// Iterator implements traits.Iterable.
func (m *lazyMap) Iterator() traits.Iterator {
	m.readAll()
	return types.NewRefValList(types.DefaultTypeAdapter, m.keys).Iterator()
}

// Size implements traits.Sizer.
func (m *lazyMap) Size() ref.Val {
	m.readAll()
	return types.Int(len(m.keys))
}

// IsZeroValue implements traits.Zeroer.
func (m *lazyMap) IsZeroValue() bool { return m.Size() == types.IntZero }

// Equal implements ref.Val: two maps are equal that have the same keys with equal values.
func (m *lazyMap) Equal(other ref.Val) ref.Val {
	o, ok := other.(traits.Mapper)
	if !ok || m.Size() != o.Size() {
		return types.False
	}
	for _, key := range m.keys {
		mine, _ := m.Find(key)
		if theirs, found := o.Find(key); !found || types.Equal(mine, theirs) != types.True {
			return types.False
		}
	}
	return types.True
}

// asMap returns the map as CEL's own kind of map.
func (m *lazyMap) asMap() traits.Mapper {
	m.readAll()
	all := make(map[ref.Val]ref.Val, len(m.keys))
	for _, key := range m.keys {
		all[key], _ = m.Find(key)
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, all)
}

// ConvertToNative implements ref.Val.
func (m *lazyMap) ConvertToNative(t reflect.Type) (any, error) { return m.asMap().ConvertToNative(t) }

// ConvertToType implements ref.Val.
func (m *lazyMap) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.MapType:
		return m
	case types.TypeType:
		return types.MapType
	default:
		return types.NewErr("a map cannot become a %s", t.TypeName())
	}
}

// Type implements ref.Val.
func (m *lazyMap) Type() ref.Type { return types.MapType }

// Value implements ref.Val.
func (m *lazyMap) Value() any { return m.asMap().Value() }
