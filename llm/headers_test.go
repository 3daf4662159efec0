package llm

import (
	"net/http"
	"reflect"
	"testing"
)

func TestHeadersStandBesideEachOther(t *testing.T) {
	to := http.Header{"A": {"old"}}
	h := NewHeaders(to, 2)
	h.Set("A", "1")
	h.Set("B", "2")
	h.Set("C", "3") // beyond the room
	to.Add("A", "more")
	if want := (http.Header{"A": {"1", "more"}, "B": {"2"}, "C": {"3"}}); !reflect.DeepEqual(to, want) {
		t.Errorf("got %v, want %v", to, want)
	}
}
