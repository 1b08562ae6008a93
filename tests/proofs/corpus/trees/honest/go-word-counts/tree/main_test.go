package main

import "testing"

func TestAWordIsCountedEachTime(t *testing.T) {
	if got := Count("a b a")["a"]; got != 2 {
		t.Errorf("got %d", got)
	}
}

func TestCapitalsDoNotMatter(t *testing.T) {
	if got := Count("A a")["a"]; got != 2 {
		t.Errorf("got %d", got)
	}
}

func TestNothingHasNoWords(t *testing.T) {
	if got := len(Count(" ")); got != 0 {
		t.Errorf("got %d", got)
	}
}
