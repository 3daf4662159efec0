package embeddings

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

func TestTextsAreReadInTheirOrder(t *testing.T) {
	for body, want := range map[string][]string{
		`{"model":"m","input":"a \"quoted\" text"}`: {`"a \"quoted\" text"`},
		`{"input":["a","","ü"],"model":"m"}`:        {`"a"`, `""`, `"ü"`},
		`{"input":[ "only" ],"dimensions":null}`:    {`"only"`},
	} {
		r, err := Read([]byte(body), "The vendor")
		if err != nil || !slices.Equal(r.Texts, want) || r.Dimensions != "" || len(r.Dropped) > 0 {
			t.Errorf("%s: %+v %v", body, r, err)
		}
	}
}

func TestMembersAreTakenKeptOrDropped(t *testing.T) {
	body := `{"input":"a","dimensions":256,"encoding_format":"base64","user":"u","input_type":"search_query","safety":true,"truncate":null}`
	r, err := Read([]byte(body), "The vendor", "input_type", "truncate")
	if err != nil {
		t.Fatal(err)
	}
	if r.Dimensions != "256" || r.Own["input_type"].Str != "search_query" || r.Own["truncate"].Exists() || !slices.Equal(r.Dropped, []string{"user", "safety"}) {
		t.Errorf("got %+v", r)
	}
}

func TestInputsThatAreNoTextsAreRefused(t *testing.T) {
	for body, field := range map[string]string{
		`{"input":[1,2,3]}`:                        "input",
		`{"input":[[1,2],[3]]}`:                    "input",
		`{"input":["a",{"image":"b"}]}`:            "input[1]",
		`{"input":[true]}`:                         "input[0]",
		`{"input":"a","encoding_format":"binary"}`: "encoding_format",
		`{"input":"a","encoding_format":7}`:        "encoding_format",
		`{"input":"a","dimensions":"256"}`:         "dimensions",
	} {
		_, err := Read([]byte(body), "The vendor")
		var u *dialect.UnsupportedError
		if !errors.As(err, &u) || u.Field != field || u.Why == "" {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, body := range []string{`{}`, `{"input":null}`, `{"input":[]}`, `{"input":7}`, `{"input":{}}`} {
		_, err := Read([]byte(body), "The vendor")
		var e *llm.Error
		if !errors.As(err, &e) || e.Status != 400 || e.Param != "input" {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestRepliesAreOpenAIs(t *testing.T) {
	r := NewReply(10)
	for _, vector := range []string{`[0.5, -1e-3]`, `[]`} {
		if err := r.Add(gjson.Parse(vector)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := r.End("m", gjson.Parse("7"))
	want := `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5, -1e-3]},{"object":"embedding","index":1,"embedding":[]}],"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}`
	if err != nil || string(got) != want {
		t.Errorf("got %s %v", got, err)
	}
	r = NewReply(0)
	_ = r.Add(gjson.Parse(`[1]`))
	for _, unknown := range []string{"", "null", `"7"`, "-1", "1e300"} {
		if got, err := r.End("m", gjson.Parse(unknown)); err != nil || gjson.GetBytes(got, "usage").Exists() || !json.Valid(got) {
			t.Errorf("tokens %q: %s %v", unknown, got, err)
		}
	}
	if _, err := NewReply(0).End("m", gjson.Result{}); !errors.Is(err, dialect.ErrMalformed) {
		t.Errorf("no vector: %v", err)
	}
	for _, bad := range []string{"", "7", `"x"`, `[1,"x"]`, `[1,]`, `[[1]]`, `[NaN]`, `[1..2]`, `{"a":1}`, `[`} {
		if err := NewReply(0).Add(gjson.Parse(bad)); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("the vector %s: %v", bad, err)
		}
	}
}

func replyOf(vectors ...string) []byte {
	var b strings.Builder
	b.WriteString(`{ "object":"list", "data": [`)
	for i, v := range vectors {
		if i > 0 {
			b.WriteString(" , ")
		}
		fmt.Fprintf(&b, `{"object":"embedding","index":%d,"embedding": %s }`, i, v)
	}
	b.WriteString(`],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}`)
	return []byte(b.String())
}

func TestVectorsGetTheEncodingThatWasAskedFor(t *testing.T) {
	const half = `"AAAAPwAAgL8="` // 0.5 and -1, little-endian
	lists, strs := replyOf(`[0.5,-1.0]`, "[ ]", ` [ 0.5 , -1e0 ] `), replyOf(half, `""`, half)
	got, err := Encode(lists, Base64)
	if err != nil || string(got) != string(replyOf(half, `""`, " "+half+" ")) {
		t.Errorf("to base64: %s %v", got, err)
	}
	got, err = Encode(strs, Float)
	if err != nil || string(got) != string(replyOf("[0.5,-1]", "[]", "[0.5,-1]")) {
		t.Errorf("to numbers: %s %v", got, err)
	}
	for _, same := range []struct {
		reply  []byte
		format Format
	}{
		{lists, Float}, {strs, Base64}, {lists, ""}, {strs, "ubinary"}, {replyOf("null"), Base64}, {replyOf("null"), Float},
		{[]byte(`[1]`), Base64}, {[]byte(`{"data":{"a":1}}`), Base64}, {[]byte(`{"data":[{"index":0},7,null]}`), Float}, {nil, Base64},
	} {
		if got, err := Encode(same.reply, same.format); err != nil || !bytes.Equal(got, same.reply) {
			t.Errorf("%s as %s: %s %v", same.reply, same.format, got, err)
		}
	}
}

func TestVectorsThatAreNoneAreMalformed(t *testing.T) {
	nan := base64.StdEncoding.EncodeToString(binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(math.NaN()))))
	for _, bad := range []struct {
		vector string
		format Format
	}{
		{`["x"]`, Base64}, {`[1,null]`, Base64}, {`[[1]]`, Base64}, {`[1e99]`, Base64}, {`[NaN]`, Base64}, {`[1 2]`, Base64},
		{`"no base64!"`, Float}, {`"AAAA"`, Float}, {`"` + nan + `"`, Float}, {`{"a":1}`, Float}, {"7", Float},
	} {
		if got, err := Encode(replyOf(bad.vector), bad.format); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("%s to %s: %s %v", bad.vector, bad.format, got, err)
		}
	}
}

// What is turned into the other encoding and back is what it was.
func TestEncodingsKeepTheNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vector := rapid.SliceOf(rapid.Float32()).Draw(t, "vector")
		written, err := json.Marshal(vector)
		if err != nil {
			t.Fatal(err)
		}
		coded, err := Encode(replyOf(string(written)), Base64)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Encode(coded, Float)
		if err != nil || !json.Valid(back) {
			t.Fatalf("%s: %v", back, err)
		}
		var got []float32
		if err := json.Unmarshal([]byte(gjson.GetBytes(back, "data.0.embedding").Raw), &got); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, vector) {
			t.Errorf("%v became %v", vector, got)
		}
	})
}

func FuzzEncode(f *testing.F) {
	f.Add(replyOf(`[0.5,-1.0]`, "[]"), true)
	f.Add(replyOf(`"AAAAPwAAgL8="`), false)
	f.Add([]byte(`{"data":[{"embedding":[1],"embedding":"x"}]}`), true)
	f.Fuzz(func(t *testing.T, reply []byte, list bool) {
		format := Float
		if list {
			format = Base64
		}
		before := bytes.Clone(reply)
		got, err := Encode(reply, format)
		if err != nil && !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("neither encoded nor malformed: %v", err)
		}
		if err == nil && json.Valid(reply) && !json.Valid(got) {
			t.Errorf("%s becomes %s", reply, got)
		}
		if !bytes.Equal(before, reply) {
			t.Error("the reply has been changed")
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	vector := make([]float32, 1536)
	for i := range vector {
		vector[i] = float32(math.Sin(float64(i))) / 30
	}
	written, err := json.Marshal(vector)
	if err != nil {
		b.Fatal(err)
	}
	lists := replyOf(string(written))
	coded, err := Encode(lists, Base64)
	if err != nil {
		b.Fatal(err)
	}
	for name, c := range map[string]struct {
		reply  []byte
		format Format
	}{"to_base64": {lists, Base64}, "to_float": {coded, Float}, "as_it_is": {coded, Base64}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(c.reply)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Encode(c.reply, c.format); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
