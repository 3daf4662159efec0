package demo

// Model is a model of the demo, with what it does.
type Model struct {
	// ID is the model's id, for lists. Where Usage names many models, it is one of them.
	ID string
	// Usage is how the id is written, with its variable parts in capitals.
	Usage string
	// Title is the model's name for people.
	Title string
	// Does says what the model does, in a sentence without its end.
	Does string
}

// models is the table of the models that have a behaviour of their own. The code for each is
// in Transport.RoundTrip, and a test asks for each.
var models = []Model{
	{"assistant", "assistant", "Answers with a sentence",
		"answers with a sentence that names the model, as every id does that is not in this table"},
	{"echo", "echo", "Repeats the last message",
		"repeats the last message"},
	{"tools", "tools", "Calls the first tool",
		"calls the first tool that the request has, and answers with a sentence when the last message is a tool's result"},
	{"fail-503", "fail-STATUS", "Fails with a status",
		"answers with that status, 400 to 599"},
	{"rate-limit", "rate-limit", "Is rate-limited",
		"answers 429 with `Retry-After: 1`"},
	{"slow", "slow, slow-TIME", "Is slow to begin",
		"waits before its first output: two seconds, or the time given, such as `slow-500ms`"},
	{"hang", "hang", "Never answers",
		"never answers"},
	{"reset", "reset", "Breaks the connection off",
		"breaks the connection off before an answer"},
	{"cut", "cut", "Breaks off in the middle",
		"breaks off in the middle of its answer"},
	{"stream-error", "stream-error", "Streams an error",
		"streams an error inside a 200 before any output; requests that do not stream get 500"},
	{"empty", "empty", "Answers with no text",
		"answers with no text"},
}

// Models returns the models that have a behaviour of their own.
func Models() []Model {
	return append([]Model(nil), models...)
}
