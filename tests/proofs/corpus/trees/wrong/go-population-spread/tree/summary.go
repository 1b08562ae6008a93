package main

import (
	"errors"
	"math"
	"sort"
)

// Summary says how numbers lie.
type Summary struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
}

// Summarise gives the summary of the numbers without so many at each end.
func Summarise(numbers []float64, trim int) (Summary, error) {
	if len(numbers) <= 2*trim {
		return Summary{}, errors.New("too few numbers")
	}
	sorted := append([]float64{}, numbers...)
	sort.Float64s(sorted)
	kept := sorted[trim : len(sorted)-trim]
	sum, squares := 0.0, 0.0
	for _, number := range kept {
		sum += number
	}
	mean := sum / float64(len(kept))
	for _, number := range kept {
		squares += (number - mean) * (number - mean)
	}
	sd := 0.0
	if len(kept) > 1 {
		sd = math.Sqrt(squares / float64(len(kept)))
	}
	return Summary{N: len(kept), Mean: mean, SD: sd}, nil
}
