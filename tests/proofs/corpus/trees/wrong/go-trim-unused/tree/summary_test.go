package main

import "testing"

func check(t *testing.T, numbers []float64, mean, sd float64) {
	got, err := Summarise(numbers)
	if err != nil || got.Mean != mean || got.SD != sd {
		t.Errorf("got %v", got)
	}
}

func TestSpread(t *testing.T) { check(t, []float64{1, 2, 3}, 2, 1) }

func TestEven(t *testing.T) { check(t, []float64{4, 4}, 4, 0) }

func TestOne(t *testing.T) { check(t, []float64{3}, 3, 0) }
