package gemini

import (
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

var countUnderTest = dialecttest.Plain{New: NewCount, Dir: "testdata/count"}

func TestCount(t *testing.T)      { countUnderTest.Run(t) }
func FuzzCountReply(f *testing.F) { countUnderTest.FuzzReply(f) }
