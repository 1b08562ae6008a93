package roman

import "testing"

func TestFormat(t *testing.T) {
	for name, each := range map[string]struct {
		number int
		want   string
		fails  bool
	}{
		"one sign":             {number: 5, want: "V"},
		"signs are added":      {number: 8, want: "VIII"},
		"a smaller one before": {number: 1994, want: "MCMXCIV"},
		"the largest":          {number: 3999, want: "MMMCMXCIX"},
		"zero":                 {number: 0, fails: true},
		"too large":            {number: 4000, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Format(each.number)
			if got != each.want || (err != nil) != each.fails {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}
