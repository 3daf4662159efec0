package dialecttest

import "encoding/json"

// What reads and writes a vendor's JSON in tests does so with encoding/json, so that it shares
// nothing with the translations.

// Decode reads JSON.
func Decode[V any](t T, data []byte) (v V) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return v
}

// JSON writes JSON.
func JSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // what the tests write is JSON
	}
	return b
}
