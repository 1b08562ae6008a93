package main

import (
	"strings"
	"testing"
)

func prefixed(t *testing.T, text, prefix string) string {
	t.Helper()
	var out strings.Builder
	if err := Prefix(strings.NewReader(text), &out, prefix); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestEveryLineGetsIt(t *testing.T) {
	if got := prefixed(t, "a\nb\n", "> "); got != "> a\n> b\n" {
		t.Errorf("got %q", got)
	}
}

func TestTheLastLineNeedsNoEnd(t *testing.T) {
	if got := prefixed(t, "a", "- "); got != "- a\n" {
		t.Errorf("got %q", got)
	}
}

func TestNothingStaysNothing(t *testing.T) {
	if got := prefixed(t, "", "> "); got != "" {
		t.Errorf("got %q", got)
	}
}
