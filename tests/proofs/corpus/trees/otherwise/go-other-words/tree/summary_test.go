package main

import (
	"math"
	"testing"
)

func check(t *testing.T, numbers []float64, trim int, n int, mean, sd float64) {
	got, err := Summarise(numbers, trim)
	if err != nil || got.N != n || got.Mean != mean || math.Abs(got.SD-sd) > 0.001 {
		t.Errorf("got %v", got)
	}
}

func TestSpread(t *testing.T) { check(t, []float64{2, 4, 4, 4, 5, 5, 7, 9}, 0, 8, 5, 2.138) }

func TestTrimmed(t *testing.T) { check(t, []float64{9, 1, 2, 3, 0}, 1, 3, 2, 1) }

func TestNothing(t *testing.T) {
	if _, err := Summarise(nil, 0); err == nil {
		t.Error("nothing has a summary")
	}
}
