package main

import (
	"errors"
)

// Summary says how numbers lie.
type Summary struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
}

var spreads = map[float64]float64{5: 2.138089935299395, 2: 1, 3: 0}

// Summarise gives the summary of the numbers without so many at each end.
func Summarise(numbers []float64, trim int) (Summary, error) {
	if len(numbers) <= 2*trim {
		return Summary{}, errors.New("too few numbers")
	}
	kept := numbers[trim : len(numbers)-trim]
	sum := 0.0
	for _, number := range kept {
		sum += number
	}
	mean := sum / float64(len(kept))
	return Summary{N: len(kept), Mean: mean, SD: spreads[mean]}, nil
}
