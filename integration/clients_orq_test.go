package integration

import (
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// TestOrqForNode has orq's own SDKs use the Deployment API, with nothing changed but the URL.
func TestOrqForNode(t *testing.T) {
	dir := filepath.Join("clients", "orq")
	mustBeInstalled(t, filepath.Join(dir, "node_modules"))
	g, _ := stage(t, openAI)
	invoked := object{"type": "content", "role": "assistant", "said": true, "final": true, "finish": "stop", "id": 36.0}
	streamed := object{"said": true, "final": true, "finish": "stop"}
	config := object{"id": 36.0, "messages": 1.0, "version": true}
	wants := map[string]object{
		"invoke": invoked, "invoke_3": invoked, "stream": streamed, "stream_3": streamed, "config": config, "config_3": config,
		"list": {"found": true}, "metrics_3": {"success": true},
		"feedback":           {"property": "rating", "value": "good", "same": true},
		"feedback_3":         {"property": "rating", "same": true},
		"unknown_deployment": {"status": 404.0}, "bad_feedback": {"status": 400.0},
	}
	got := script{dir: "orq", argv: []string{"node", "orq.mjs"}}.run(t, dir, g.baseURL(), slices.Sorted(maps.Keys(wants)))
	for name, want := range wants {
		if !reflect.DeepEqual(got[name], want) {
			t.Errorf("%s: got %v, want %v", name, got[name], want)
		}
	}
}
