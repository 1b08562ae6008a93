// Command go-other-words summarises the numbers of standard input.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

func main() {
	trim := flag.Int("trim", 0, "how many to leave out at each end")
	flag.Parse()
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	numbers := []float64{}
	for _, word := range strings.Fields(string(text)) {
		number, err := strconv.ParseFloat(word, 64)
		if err != nil {
			fail(err)
		}
		numbers = append(numbers, number)
	}
	summary, err := Summarise(numbers, *trim)
	if err != nil {
		fail(err)
	}
	json.NewEncoder(os.Stdout).Encode(summary)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "go-other-words:", err)
	os.Exit(2)
}
