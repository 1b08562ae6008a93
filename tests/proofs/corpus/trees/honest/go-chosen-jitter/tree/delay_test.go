package delay

import (
	"testing"
	"time"
)

func TestTheFirstDelayIsTheBase(t *testing.T) {
	if got := Of(1, time.Second, 0, 0); got != time.Second {
		t.Errorf("got %s", got)
	}
}

func TestItDoubles(t *testing.T) {
	if got := Of(4, time.Second, 0, 0); got != 8*time.Second {
		t.Errorf("got %s", got)
	}
}

func TestTheTotalIsTheSum(t *testing.T) {
	if got := Total(3, time.Second); got != 7*time.Second {
		t.Errorf("got %s", got)
	}
}

func TestJitterIsAdded(t *testing.T) {
	if got := Of(1, time.Second, 2*time.Millisecond, 0.5); got != time.Second+time.Millisecond {
		t.Errorf("got %s", got)
	}
}
