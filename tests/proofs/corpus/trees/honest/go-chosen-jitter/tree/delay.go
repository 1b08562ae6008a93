// Package delay spreads the delays of retries.
package delay

import "time"

// Of gives the delay before an attempt, from 1: doubled each time, with a share of the jitter that random chooses
// between 0 and 1.
func Of(attempt int, base, jitter time.Duration, random float64) time.Duration {
	if attempt < 1 {
		attempt = 1
	}
	return base<<(attempt-1) + time.Duration(float64(jitter)*random)
}

// Total gives the sum of the delays before so many attempts, without jitter:
// how long a caller waits at least.
func Total(attempts int, base time.Duration) time.Duration {
	var sum time.Duration
	for attempt := 1; attempt <= attempts; attempt++ {
		sum += Of(attempt, base, 0, 0)
	}
	return sum
}
