package hidden

import "testing"

type log []string

func (l *log) Looked(path string) { *l = append(*l, path) }

func TestADotHides(t *testing.T) {
	if !Is("home/.profile", nil) {
		t.Error("not hidden")
	}
}

func TestFoldersAboveAndHereAreNotHidden(t *testing.T) {
	for _, path := range []string{".", "..", "a/..", "plain"} {
		if Is(path, nil) {
			t.Errorf("%s is hidden", path)
		}
	}
}

func TestTheObserverIsTold(t *testing.T) {
	var seen log
	Is("a", &seen)
	if len(seen) != 1 || seen[0] != "a" {
		t.Errorf("got %v", seen)
	}
}
