package record

import (
	"fmt"

	"github.com/mulligan-gateway/mulligan/record/redact"
)

// redactBodies replaces what looks like personal data in bodies that are to be redacted. It
// is the writer's work, as it takes longer than who serves a request can wait. When it fails
// the bodies are not kept.
func redactBodies(it item) (err error) {
	var bodies **Bodies
	switch {
	case it.gift == nil:
		bodies = &it.row.Bodies
	case it.gift.completion != nil:
		bodies = &it.gift.completion.Bodies
	default:
		return nil
	}
	b := *bodies
	if b == nil || !b.Redacted {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			*bodies, err = nil, fmt.Errorf("panic: %v", p)
		}
	}()
	b.Request, b.Response = redact.Text(b.Request), redact.Text(b.Response)
	return nil
}
