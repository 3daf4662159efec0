package messages

import (
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

func TestWritesForAnHourAreToldApartPassedAndTranslated(t *testing.T) {
	body := []byte(`{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn",` +
		`"usage":{"input_tokens":8,"cache_read_input_tokens":3,"cache_creation_input_tokens":600,` +
		`"cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":400},"output_tokens":2}}`)
	want := llm.Usage{Input: 611, CachedInput: 3, CacheWrite: 600, CacheHour: 400, Output: 2, Known: true}
	w := NewWatcher()
	if err := w.Reply(body); err != nil || w.Signs().Usage != want {
		t.Errorf("passed: %+v, %v", w.Signs().Usage, err)
	}
	hub, err := New().Reply(body)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := dialect.Usage([]byte(gjson.GetBytes(hub, "usage").Raw)); got != want {
		t.Errorf("translated: %+v, want %+v", got, want)
	}
}
