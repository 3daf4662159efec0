package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPagesAreWhatTheCodeSays(t *testing.T) {
	all, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range all {
		committed, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
			continue
		}
		// git may have given the file the line ends of Windows.
		if got := strings.ReplaceAll(string(committed), "\r\n", "\n"); got != string(text) {
			t.Errorf("docs/%s is not what the code says: run `make docs`", name)
		}
	}
}

func TestEveryPageOfAProviderHasAKind(t *testing.T) {
	all, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("providers/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, file := range files {
		if _, ok := all[filepath.ToSlash(file)]; !ok {
			t.Errorf("docs/%s is about a kind that is not there any more", file)
		}
	}
}

func TestTheTablesSayWhatTheTranslatorsDo(t *testing.T) {
	all, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	for name, rows := range map[string][]string{
		"anthropic": {"| `logprobs` | no: `logprobs` |", "| `metadata` | left out |", "| `messages` | as it is |", "| `chat` | translated (messages) |", "| `responses` | by way of chat |"},
		"google":    {"| `embeddings` | translated (gemini) | translated (gemini) |"},
		"cohere":    {"| `rerank` | translated (cohere) | translated (cohere) |"},
		"groq":      {"| `logit_bias` | left out |", "| `messages` | by way of chat |"},
		"bedrock":   {"| `chat` | translated (converse) |"},
	} {
		for _, row := range rows {
			if !strings.Contains(string(all["providers/"+name+".md"]), row) {
				t.Errorf("the page of %s has no row %s", name, row)
			}
		}
	}
}
