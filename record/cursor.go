package record

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Cursor is a place in a listing: after the row of that time and trace id. Its text says
// nothing to callers.
type Cursor struct {
	Time    time.Time
	TraceID string
}

// String returns the text that Page.After holds.
func (c Cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(c.Time.UnixMicro(), 10) + " " + c.TraceID))
}

// ParseCursor reads what String wrote. Its error is a ErrBadQuestion.
func ParseCursor(text string) (Cursor, error) {
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return Cursor{}, badCursor(text)
	}
	micros, id, ok := strings.Cut(string(plain), " ")
	us, err := strconv.ParseInt(micros, 10, 64)
	if err != nil || !ok {
		return Cursor{}, badCursor(text)
	}
	return Cursor{Time: time.UnixMicro(us).UTC(), TraceID: id}, nil
}

func badCursor(text string) error {
	return fmt.Errorf("%w: %q is no cursor: take the listing's \"next\" as it is, or leave it out", ErrBadQuestion, text)
}
