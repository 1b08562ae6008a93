// Package roman writes numbers in the Roman way.
package roman

import (
	"fmt"
	"strings"
)

var signs = []struct {
	value int
	sign  string
}{
	{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"},
	{50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"},
}

// Format gives a number from 1 to 3999 in Roman signs.
func Format(number int) (string, error) {
	if number < 1 || number > 3999 {
		return "", fmt.Errorf("%d has no Roman form", number)
	}
	var text strings.Builder
	for _, one := range signs {
		for number >= one.value {
			text.WriteString(one.sign)
			number -= one.value
		}
	}
	return text.String(), nil
}
