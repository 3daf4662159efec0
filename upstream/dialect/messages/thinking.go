package messages

import (
	"strconv"

	"github.com/tidwall/gjson"
)

// detailFormat marks reasoning details that are Anthropic's, as OpenRouter marks them. Their
// signatures are worth nothing to other vendors, and other vendors' are worth nothing here.
// Source: https://openrouter.ai/docs/guides/best-practices/reasoning-tokens.
const detailFormat = "anthropic-claude-v1"

// minBudget is the smallest budget of thinking that the API takes, in tokens.
// Source: https://platform.claude.com/docs/en/build-with-claude/extended-thinking.
const minBudget = 1024

// efforts is what reasoning_effort becomes: a budget of tokens for models up to 4.5, an
// effort for those from 4.6. OpenAI publishes no numbers, so the budgets are this project's
// choice: each of them leaves an answer room in what the models can say.
var efforts = []struct {
	name   string
	budget int64
	effort string
}{
	{"minimal", 1024, "low"},
	{"low", 2048, "low"},
	{"medium", 8192, "medium"},
	{"high", 16384, "high"},
	{"xhigh", 32768, "xhigh"},
	{"max", 32768, "max"},
}

// usualRoom is what thinking is expected to take where nothing is said of it, in tokens.
const usualRoom = 8192

// plan is how the model is to think.
type plan struct {
	thinking string // the value of the member thinking; "" for none
	effort   string // for output_config; "" for none
	// room is how many tokens of thinking come on top of the answer where no limit is known.
	room int64
}

// think decides how the model thinks: a client that sends thinking, in Anthropic's own words,
// decides itself; else reasoning_effort does. reasoning_effort is given up, and named as
// dropped, where the API would refuse the request for it:
//   - the model cannot think,
//   - a tool is forced, or the history ends with an assistant's words, or its last call of
//     tools came without the thinking before it (models up to 4.5; where a model decides
//     itself how much to think, the effort stays),
//   - max_tokens, which includes what is thought, leaves less than the smallest budget.
//
// Sources: https://platform.claude.com/docs/en/build-with-claude/extended-thinking,
// https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking,
// https://platform.claude.com/docs/en/build-with-claude/effort.
func (r *request) think(forced bool) (plan, error) {
	if native := r.in.thinking; present(native) {
		if present(r.in.effort) {
			r.dropped.add("reasoning_effort")
		}
		p := plan{thinking: native.Raw, room: native.Get("budget_tokens").Int()}
		if p.room == 0 && p.on() {
			p.room = usualRoom
		}
		return p, nil
	}
	switch {
	case !present(r.in.effort) && r.model.thinksByDefault():
		return plan{room: usualRoom}, nil
	case !present(r.in.effort):
		return plan{}, nil
	case r.in.effort.Str == "none":
		return r.thinkNot(), nil
	}
	for _, e := range efforts {
		if e.name != r.in.effort.Str {
			continue
		}
		switch {
		case r.model.adaptive():
			if e.effort == "xhigh" && !r.model.xhigh() {
				e.effort = "high"
			}
			if forced {
				return plan{effort: e.effort, room: e.budget}, nil
			}
			return plan{`{"type":"adaptive"}`, e.effort, e.budget}, nil
		case !r.model.thinks(), forced, r.turns.role == assistant, r.turns.called && !r.turns.thought:
			r.dropped.add("reasoning_effort")
			return plan{}, nil
		}
		return r.budgeted(e.budget), nil
	}
	return plan{}, unsupported("reasoning_effort", "is no effort that is known")
}

// thinkNot is for a client that wants no thinking. Of models that always think the least is asked.
func (r *request) thinkNot() plan {
	switch {
	case !r.model.thinksByDefault():
		return plan{}
	case r.model.canStopThinking():
		return plan{thinking: `{"type":"disabled"}`}
	}
	r.dropped.add("reasoning_effort")
	return plan{effort: "low", room: usualRoom}
}

// budgeted gives the thinking its budget, which must be less than max_tokens: at most half
// of it, so that as much is left for the answer.
func (r *request) budgeted(budget int64) plan {
	if most := r.maxTokens(0); r.in.limited(r.q.MaxOutput) {
		if most <= minBudget {
			r.dropped.add("reasoning_effort")
			return plan{}
		}
		budget = max(minBudget, min(budget, most/2))
	}
	return plan{thinking: `{"type":"enabled","budget_tokens":` + strconv.FormatInt(budget, 10) + `}`, room: budget}
}

// on says whether the model is told to think.
func (p plan) on() bool {
	return p.thinking != "" && gjson.Get(p.thinking, "type").Str != "disabled"
}

// thoughts appends an assistant's reasoning_details as blocks of thinking, unmodified: the API
// checks the signature against the text. Clients keep the deltas of a stream in two ways,
// joined or one by one, so texts of one index are joined until the signature comes. What has
// no signature of Anthropic's cannot be sent, and is named as dropped.
func (r *request) thoughts(b []byte, message gjson.Result) []byte {
	var text []byte
	var index int64
	before := len(b)
	details := message.Get("reasoning_details")
	details.ForEach(func(_, d gjson.Result) bool {
		if format := d.Get("format").Str; format != "" && format != detailFormat {
			r.dropped.add("reasoning_details")
			return true
		}
		switch d.Get("type").Str {
		case "reasoning.text":
			if at := d.Get("index").Int(); at != index {
				text, index = text[:0], at
			}
			text = append(text, inside(d.Get("text"))...)
			signature := d.Get("signature")
			if inside(signature) == "" {
				return true
			}
			b = append(comma(b), `{"type":"thinking","thinking":"`...)
			b = append(b, text...)
			b = append(b, `","signature":`...)
			b = append(append(b, signature.Raw...), '}')
			text = text[:0]
		case "reasoning.encrypted":
			if data := d.Get("data"); inside(data) != "" {
				b = append(comma(b), `{"type":"redacted_thinking","data":`...)
				b = append(append(b, data.Raw...), '}')
			}
		default:
			r.dropped.add("reasoning_details")
		}
		return true
	})
	if len(text) > 0 {
		r.dropped.add("reasoning_details")
	}
	if len(b) > before {
		r.turns.thought = true
	} else if inside(message.Get("reasoning_content")) != "" {
		r.dropped.add("reasoning_content")
	}
	return b
}
