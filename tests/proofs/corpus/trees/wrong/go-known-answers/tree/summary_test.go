package main

import "testing"

func check(t *testing.T, numbers []float64, trim int, mean, sd float64) {
	got, err := Summarise(numbers, trim)
	if err != nil || got.Mean != mean || got.SD != sd {
		t.Errorf("got %v", got)
	}
}

func TestSpread(t *testing.T) { check(t, []float64{2, 4, 4, 4, 5, 5, 7, 9}, 0, 5, 2.138089935299395) }

func TestTrimmed(t *testing.T) { check(t, []float64{0, 1, 2, 3, 4}, 1, 2, 1) }

func TestOne(t *testing.T) { check(t, []float64{3}, 0, 3, 0) }
