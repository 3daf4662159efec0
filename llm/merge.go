package llm

import "encoding/json"

// MergeObjects returns under with over's members put in: top-level member by member, over's
// winning. Members keep the bytes and, where only one object has them, the order they came
// in. Nil stands for {}.
func MergeObjects(over, under json.RawMessage) (json.RawMessage, error) {
	if len(over) == 0 {
		return under, nil
	}
	if len(under) == 0 {
		return over, nil
	}
	o, err := ParseJSON(over)
	if err != nil {
		return nil, err
	}
	u, err := ParseJSON(under)
	if err != nil {
		return nil, err
	}
	merged := make([]byte, 0, len(over)+len(under))
	merged = append(merged, '{')
	add := func(d *Document, m *Member) {
		if len(merged) > 1 {
			merged = append(merged, ',')
		}
		merged = append(merged, d.Raw[m.NameStart:m.ValueEnd]...)
	}
	for i := range u.Members {
		if m := &u.Members[i]; o.Find(m.Name) == nil {
			add(&u, m)
		}
	}
	for i := range o.Members {
		add(&o, &o.Members[i])
	}
	return append(merged, '}'), nil
}
