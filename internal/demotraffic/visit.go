package demotraffic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// deployment is the one that Caddyfile.example has.
const deployment = "support-reply"

// customers is how many users there are. A tenth of them is on trial, each always.
const customers = 60

// tier is what the example's rules ask for.
type tier string

// The tiers. Those of no tier are on trial or get the default.
const (
	tierEnterprise tier = "enterprise"
	tierUnlucky    tier = "unlucky" // the first model fails
	tierNone       tier = "basic"
)

var questions = [...]string{
	"Where is my parcel?",
	"How do I send back a pair of shoes that does not fit?",
	"My invoice has the wrong address. Can you send me another one?",
	"The app says that my card was refused, but my bank says that it was not. What can I do about it?",
	"Do you deliver on Saturdays?",
}

// visit is one customer's question.
type visit struct {
	number   int
	tier     tier
	user     string
	question string
	stream   bool
	// refused says that it asks for more than the provider gives.
	refused bool
}

// visitOf returns the visit of a number: of twelve, three are of an enterprise and two of
// somebody unlucky. Of five, two are streams.
func visitOf(i int) visit {
	v := visit{
		number: i, tier: tierNone, user: fmt.Sprintf("customer-%d", i%customers+1),
		question: questions[i%len(questions)], stream: i%5 < 2, refused: i%29 == 28,
	}
	switch i % 12 {
	case 0, 4, 8:
		v.tier = tierEnterprise
	case 2, 7:
		v.tier = tierUnlucky
	}
	return v
}

// context is the value of X-Deployment-Context.
func (v visit) context() string { return fmt.Sprintf(`{"tier":%q}`, v.tier) }

// tooMany is more choices than the demo provider answers with at once.
const tooMany = 200

func (v visit) body() io.Reader {
	body := map[string]any{
		"user":     v.user,
		"metadata": map[string]any{"source": "demo-traffic"},
		"messages": []any{map[string]any{"role": "user", "content": v.question}},
	}
	if v.stream {
		body["stream"] = true
	}
	if v.refused {
		body["n"] = tooMany
	}
	return encode(body)
}

func encode(v any) io.Reader {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own maps, strings and numbers always marshal
	}
	return bytes.NewReader(b)
}

// opinion is one value of feedback.
type opinion struct {
	name  string
	value any
}

// ratings are what the customers of each variant give, 1 to 5, in turns. Their number has no
// divisor in common with the other turns, so that all are given.
var ratings = map[string][7]int{
	"enterprise": {5, 4, 5, 5, 4, 5, 3},
	"failover":   {2, 4, 3, 1, 4, 2, 3},
	"trial":      {4, 5, 3, 4, 5, 4, 4},
	"default":    {3, 4, 3, 2, 5, 3, 4},
}

// content is the least rating that comes with a thumb up.
const content = 4

// feedback returns what the customer says of an answer of a variant. Two of three say
// something, and everybody who does gives a rating and a thumb.
func (v visit) feedback(variant string) []opinion {
	turns, ok := ratings[variant]
	if !ok || v.number%3 == 2 {
		return nil
	}
	rating := turns[v.number%len(turns)]
	return []opinion{{"rating", rating}, {"thumb", rating >= content}}
}
