package main

import (
	"errors"
	"math"
)

// Summary says how numbers lie.
type Summary struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
}

// Summarise gives the summary of the numbers.
func Summarise(numbers []float64) (Summary, error) {
	if len(numbers) == 0 {
		return Summary{}, errors.New("no numbers")
	}
	sum, squares := 0.0, 0.0
	for _, number := range numbers {
		sum += number
	}
	mean := sum / float64(len(numbers))
	for _, number := range numbers {
		squares += (number - mean) * (number - mean)
	}
	if len(numbers) == 1 {
		return Summary{N: 1, Mean: mean}, nil
	}
	return Summary{N: len(numbers), Mean: mean, SD: math.Sqrt(squares / float64(len(numbers)-1))}, nil
}
