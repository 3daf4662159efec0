package cohere

import (
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

var (
	embeddingsUnderTest = dialecttest.Plain{New: NewEmbeddings, Dir: "testdata/embeddings"}
	rerankUnderTest     = dialecttest.Plain{New: NewRerank, Dir: "testdata/rerank"}
)

func TestEmbeddings(t *testing.T)        { embeddingsUnderTest.Run(t) }
func FuzzEmbeddingsRequest(f *testing.F) { embeddingsUnderTest.FuzzRequest(f) }
func FuzzEmbeddingsReply(f *testing.F)   { embeddingsUnderTest.FuzzReply(f) }
func TestRerank(t *testing.T)            { rerankUnderTest.Run(t) }
func FuzzRerankRequest(f *testing.F)     { rerankUnderTest.FuzzRequest(f) }
func FuzzRerankReply(f *testing.F)       { rerankUnderTest.FuzzReply(f) }

func BenchmarkEmbeddings(b *testing.B) {
	dialecttest.Plain{New: NewEmbeddings}.Bench(b,
		`{"model":"m","input":["The food was delicious","and the waiter was kind"],"encoding_format":"base64"}`,
		`{"id":"1","embeddings":{"float":[[`+strings.Repeat("-0.0123456789,", 1535)+`1]]},"meta":{"billed_units":{"input_tokens":7}}}`)
}
