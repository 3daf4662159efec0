package gemini

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// family is what a model's id says of it. Every field is zero for a model that is no Gemini,
// and the version is for an id without one, such as gemini-flash-latest.
type family struct {
	gemini       bool
	major, minor int
	name         string
}

// familyOf reads a model's id, with or without the folders before it.
func familyOf(model string) family {
	name := strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	rest, ok := strings.CutPrefix(name, "gemini-")
	if !ok {
		return family{}
	}
	f := family{gemini: true, name: name}
	version, _, _ := strings.Cut(rest, "-")
	major, minor, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n > 0 {
		f.major = n
		f.minor, _ = strconv.Atoi(minor)
	}
	return f
}

func (f family) is(kind string) bool { return strings.Contains(f.name, "-"+kind) }

// thinks says whether the model takes a thinking config: Google answers others with an error.
func (f family) thinks() bool {
	switch {
	case !f.gemini, f.is("tts"):
		return false
	case f.major == 0, f.major >= 3:
		return true
	}
	return f.major == 2 && f.minor >= 5 && !f.is("image")
}

// signs says whether the model refuses a call in the history without a thought's signature.
func (f family) signs() bool { return f.gemini && (f.major == 0 || f.major >= 3) }

// levels are the thinking levels of Gemini 3 and later, and budgets the tokens of Gemini 2.5,
// for the efforts of OpenAI. They are those of Google's own compatible endpoint
// (source: https://ai.google.dev/gemini-api/docs/openai#thinking); efforts above high are
// newer than its table and are high.
var (
	levels  = map[string]string{"none": "MINIMAL", "minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH", "xhigh": "HIGH", "max": "HIGH"}
	budgets = map[string]int{"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
)

// leastBudget is the smallest budget of Gemini 2.5 Pro, which cannot be told not to think
// (source: https://ai.google.dev/gemini-api/docs/thinking#set-budget).
const leastBudget = 128

// thinking appends the thinking config: config is the client's own, which goes as it is, and
// reasoning_effort says how much where the client's own does not. Google does not take both
// for the same thing, so an effort beside a budget or a level is dropped. With an effort the
// thoughts are asked for too, since clients that set it can show them; with config alone it
// is config that says so. An effort that the model cannot have becomes the nearest it can,
// and is listed as dropped. A model without thinking has none of this, and effort is dropped.
func (r *request) thinking(b []byte, config gjson.Result) []byte {
	effort := r.in.Effort.String()
	decided := hub.Present(either(config, "thinkingBudget", "thinking_budget")) || hub.Present(either(config, "thinkingLevel", "thinking_level"))
	if _, known := budgets[effort]; effort != "" && (!known || decided || !r.family.thinks()) {
		r.dropped.Add("reasoning_effort")
		effort = ""
	}
	if effort == "" {
		return hub.Given(b, "thinkingConfig", config.Raw)
	}
	b = append(hub.Name(b, "thinkingConfig"), '{')
	include := strconv.FormatBool(effort != "none")
	if v := either(config, "includeThoughts", "include_thoughts"); hub.Present(v) {
		include = v.Raw
	}
	b = hub.Given(b, "includeThoughts", include)
	config.ForEach(func(name, value gjson.Result) bool {
		if n := name.String(); hub.Present(value) && n != "includeThoughts" && n != "include_thoughts" {
			b = hub.Copy(b, name, value)
		}
		return true
	})
	if r.family.major >= 3 {
		b = hub.Given(b, "thinkingLevel", `"`+r.level(effort)+`"`)
	} else {
		b = hub.Given(b, "thinkingBudget", strconv.Itoa(r.budget(effort)))
	}
	return append(b, '}')
}

// level is the thinking level for an effort. Pro models have no level below low, and the
// first of them had none between low and high
// (source: https://ai.google.dev/gemini-api/docs/thinking#thinking-levels).
func (r *request) level(effort string) string {
	level := levels[effort]
	pro := r.family.is("pro")
	if effort == "none" {
		r.dropped.Add("reasoning_effort")
	}
	switch {
	case pro && level == "MINIMAL":
		return "LOW"
	case pro && level == "MEDIUM" && r.family.major == 3 && r.family.minor == 0:
		return "HIGH"
	}
	return level
}

// budget is the thinking budget for an effort. Later models take a budget as well, so that it
// is also what a model gets whose id does not say its version.
func (r *request) budget(effort string) int {
	budget := budgets[effort]
	if budget == 0 && !r.family.is("flash") {
		r.dropped.Add("reasoning_effort")
		return leastBudget
	}
	return budget
}

// either returns a member of two spellings.
func either(v gjson.Result, name, snake string) gjson.Result {
	if m := v.Get(name); hub.Present(m) {
		return m
	}
	return v.Get(snake)
}
