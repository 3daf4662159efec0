package messages

import (
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

var countUnderTest = dialecttest.Plain{New: func(string) dialect.Plain { return NewCount() }, Dir: "testdata/count"}

func TestCount(t *testing.T)        { countUnderTest.Run(t) }
func FuzzCountRequest(f *testing.F) { countUnderTest.FuzzRequest(f) }
func FuzzCountReply(f *testing.F)   { countUnderTest.FuzzReply(f) }
