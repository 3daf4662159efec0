package hub

import "github.com/tidwall/gjson"

// Sampling is how an answer is to be sampled, for vendors whose scale of temperature ends at 1:
// numbers as they stand, "" for what is not said.
type Sampling struct{ Temperature, TopP, TopK string }

// Sampler is what a model takes of it.
type Sampler struct {
	// Samples says that it takes any of it.
	Samples bool
	// One says that it refuses top_p beside temperature.
	One bool
	// Defaults says that 1 is the default of temperature and of top_p, and needs no word.
	Defaults bool
}

// Sampling returns what the client says of sampling and the model takes. The rest is named as
// dropped; so is a temperature above 1, which becomes 1. topK is no member of chat, but many
// vendors' own.
func (r *Request) Sampling(topK gjson.Result, m Sampler, d *Drops) Sampling {
	said := func(v gjson.Result) string {
		if v.Type != gjson.Number || v.Num == 1 && m.Defaults {
			return ""
		}
		return v.Raw
	}
	s := Sampling{Temperature: said(r.Temperature), TopP: said(r.TopP)}
	if Present(topK) {
		s.TopK = topK.Raw
	}
	if !m.Samples {
		d.given("temperature", s.Temperature)
		d.given("top_p", s.TopP)
		d.given("top_k", s.TopK)
		return Sampling{}
	}
	if r.Temperature.Num > 1 && s.Temperature != "" {
		s.Temperature = "1"
		d.Add("temperature")
	}
	if m.One && s.Temperature != "" {
		d.given("top_p", s.TopP)
		s.TopP = ""
	}
	return s
}

// given adds the name of what has a value.
func (d *Drops) given(name, value string) {
	if value != "" {
		d.Add(name)
	}
}
