package claude

import "testing"

func TestModelsAreKnownByTheirIDs(t *testing.T) {
	for id, want := range map[string]Model{
		"claude-3-7-sonnet@20250219":                    {37, "sonnet"},
		"claude-3-haiku-20240307":                       {30, "haiku"},
		"claude-3-5-sonnet-latest":                      {35, "sonnet"},
		"claude-sonnet-4-20250514":                      {40, "sonnet"},
		"claude-opus-4-1-20250805":                      {41, "opus"},
		"us.anthropic.claude-haiku-4-5-20251001-v1:0":   {45, "haiku"},
		"us.anthropic.claude-opus-4-6-v1":               {46, "opus"},
		"anthropic.claude-opus-4-20250514-v1:0":         {40, "opus"},
		"claude-opus-4.7":                               {47, "opus"},
		"anthropic/claude-opus-5":                       {50, "opus"},
		"claude-opus-5-5":                               {55, "opus"},
		"claude-fable-5-1":                              {51, "fable"},
		"claude-mythos-preview":                         {50, "mythos"},
		"claude-instant-v1":                             {},
		"MiniMax-M2":                                    {},
		"":                                              {},
		"claude-99999999999999999999":                   {},
		"arn:aws:bedrock:us:1:x/claude-sonnet-4-5-v1:0": {45, "sonnet"},
	} {
		if got := Parse(id); got != want {
			t.Errorf("%s is %+v, want %+v", id, got, want)
		}
	}
}
