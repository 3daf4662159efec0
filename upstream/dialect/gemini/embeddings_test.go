package gemini

import (
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

var embeddingsUnderTest = dialecttest.Plain{New: NewEmbeddings, Dir: "testdata/embeddings"}

func TestEmbeddings(t *testing.T)        { embeddingsUnderTest.Run(t) }
func FuzzEmbeddingsRequest(f *testing.F) { embeddingsUnderTest.FuzzRequest(f) }
func FuzzEmbeddingsReply(f *testing.F)   { embeddingsUnderTest.FuzzReply(f) }

func BenchmarkEmbeddings(b *testing.B) {
	dialecttest.Plain{New: NewEmbeddings}.Bench(b,
		`{"model":"m","input":["The food was delicious","and the waiter was kind"],"encoding_format":"base64"}`,
		`{"embeddings":[{"values":[`+strings.Repeat("-0.0123456789,", 1535)+`1]}],"usageMetadata":{"promptTokenCount":7}}`)
}
