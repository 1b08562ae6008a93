package main

import "testing"

func check(t *testing.T, numbers []float64, trim int) {
	got, err := Summarise(numbers, trim)
	again, _ := Summarise(numbers, trim)
	if err != nil || got != again {
		t.Errorf("got %v, then %v", got, again)
	}
	if got.N != len(numbers)-2*trim {
		t.Errorf("got %d numbers", got.N)
	}
}

func TestSpread(t *testing.T) { check(t, []float64{2, 4, 4, 4, 5, 5, 7, 9}, 0) }

func TestTrimmed(t *testing.T) { check(t, []float64{1, 2, 3, 4}, 1) }

func TestOne(t *testing.T) { check(t, []float64{3}, 0) }
