package claude

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// minBudget is the smallest budget of thinking that the models take, in tokens.
// Source: https://platform.claude.com/docs/en/build-with-claude/extended-thinking.
const minBudget = 1024

// usualRoom is what thinking is expected to take where nothing is said of it, in tokens.
const usualRoom = 8192

// Thinking is what decides how a model thinks.
type Thinking struct {
	// Native is the client's own thinking, in Anthropic's words, and Effort is reasoning_effort.
	Native, Effort gjson.Result
	// Forced says that the model has to call a tool.
	Forced bool
	// Limit is the answer's limit in tokens, which includes what is thought; 0 when none is known.
	Limit int64
}

// Plan is how a model is to think.
type Plan struct {
	// Thinking is the value of the member thinking, Effort that of output_config.effort; "" for none.
	Thinking, Effort string
	// Budget is how many tokens may be thought, which the answer's limit must be above; 0 for a
	// model that decides itself. Room is how many are expected to be thought.
	Budget, Room int64
}

// Think decides how the model thinks: a client that says thinking, in Anthropic's own words,
// decides itself; else reasoning_effort does. reasoning_effort is given up, and named as
// dropped, where the API would refuse the request for it:
//   - the model cannot think,
//   - a tool is forced, or the history ends with an assistant's words, or its last call of
//     tools came without the thinking before it (models up to 4.5; where a model decides
//     itself how much to think, the effort stays),
//   - the answer's limit leaves less than the smallest budget.
//
// Sources: https://platform.claude.com/docs/en/build-with-claude/extended-thinking,
// https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking,
// https://platform.claude.com/docs/en/build-with-claude/effort.
func (m Model) Think(t Thinking, history *hub.Turns, dropped *hub.Drops) (Plan, error) {
	if hub.Present(t.Native) {
		if hub.Present(t.Effort) {
			dropped.Add("reasoning_effort")
		}
		return native(t.Native), nil
	}
	switch {
	case !hub.Present(t.Effort) && m.ThinksByDefault():
		return Plan{Room: usualRoom}, nil
	case !hub.Present(t.Effort):
		return Plan{}, nil
	case t.Effort.Str == "none":
		return m.thinkNot(dropped), nil
	}
	e, known := m.effort(t.Effort.Str)
	switch {
	case !known:
		return Plan{}, hub.Unsupported("reasoning_effort", "is no effort that is known")
	case m.Adaptive() && t.Forced:
		return Plan{Effort: e.word, Room: e.budget}, nil
	case m.Adaptive():
		return Plan{Thinking: `{"type":"adaptive"}`, Effort: e.word, Room: e.budget}, nil
	case !m.Thinks(), t.Forced, history.Role == hub.Assistant, history.Called && !history.Thought:
		dropped.Add("reasoning_effort")
		return Plan{}, nil
	}
	return budgeted(e.budget, t.Limit, dropped), nil
}

// native is the client's own plan.
func native(thinking gjson.Result) Plan {
	p := Plan{Thinking: thinking.Raw, Budget: max(0, thinking.Get("budget_tokens").Int())}
	if p.Room = p.Budget; p.Room == 0 && p.On() {
		p.Room = usualRoom
	}
	return p
}

// thinkNot is for a client that wants no thinking. Of models that always think the least is asked.
func (m Model) thinkNot(dropped *hub.Drops) Plan {
	switch {
	case !m.ThinksByDefault():
		return Plan{}
	case m.CanStopThinking():
		return Plan{Thinking: `{"type":"disabled"}`}
	}
	dropped.Add("reasoning_effort")
	return Plan{Effort: "low", Room: usualRoom}
}

// budgeted gives the thinking its budget, which must be less than the answer's limit.
func budgeted(budget, limit int64, dropped *hub.Drops) Plan {
	if limit > 0 {
		most, ok := within(budget, limit)
		if !ok {
			dropped.Add("reasoning_effort")
			return Plan{}
		}
		budget = most
	}
	thinking := `{"type":"enabled","budget_tokens":` + strconv.FormatInt(budget, 10) + `}`
	return Plan{Thinking: thinking, Budget: budget, Room: budget}
}

// On says whether the model is told to think.
func (p *Plan) On() bool { return IsOn(gjson.Parse(p.Thinking)) }

// IsOn says whether a client's own thinking tells the model to think.
func IsOn(thinking gjson.Result) bool {
	return hub.Present(thinking) && thinking.Get("type").Str != "disabled"
}

// effort is what a reasoning_effort becomes.
type effort struct {
	// budget is how many tokens may be thought, for models up to 4.5. OpenAI publishes no
	// numbers, so the budgets are this project's choice: each of them leaves an answer room in
	// what the models can say.
	budget int64
	// word is the effort, for models from 4.6.
	word string
}

// effort returns what a reasoning_effort other than none becomes, and false for a word that is
// not known. The effort between high and max is known from 4.7 on.
func (m Model) effort(word string) (effort, bool) {
	switch word {
	case "minimal":
		return effort{1024, "low"}, true
	case "low":
		return effort{2048, "low"}, true
	case "medium":
		return effort{8192, "medium"}, true
	case "high":
		return effort{16384, "high"}, true
	case "xhigh":
		if m.Version >= 47 {
			return effort{32768, "xhigh"}, true
		}
		return effort{32768, "high"}, true
	case "max":
		return effort{32768, "max"}, true
	default:
		return effort{}, false
	}
}

// within returns the budget under the answer's limit, which includes what is thought: at most
// half of it, so that as much is left for the answer. ok is false where less is left than the
// smallest budget.
func within(budget, limit int64) (most int64, ok bool) {
	if limit <= minBudget {
		return 0, false
	}
	return max(minBudget, min(budget, limit/2)), true
}
