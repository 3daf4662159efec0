package titan

import (
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

var underTest = dialecttest.Plain{New: NewEmbeddings, Dir: "testdata"}

func TestEmbeddings(t *testing.T)        { underTest.Run(t) }
func FuzzEmbeddingsRequest(f *testing.F) { underTest.FuzzRequest(f) }
func FuzzEmbeddingsReply(f *testing.F)   { underTest.FuzzReply(f) }

func BenchmarkEmbeddings(b *testing.B) {
	underTest.Bench(b, `{"model":"m","input":"The food was delicious","encoding_format":"base64","dimensions":256}`,
		`{"embedding":[`+strings.Repeat("-0.0123456789,", 255)+`1],"inputTextTokenCount":5}`)
}
