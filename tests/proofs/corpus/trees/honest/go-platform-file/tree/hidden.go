// Package hidden tells hidden paths.
package hidden

import "strings"

// Observer is told of every path that was looked at.
type Observer interface {
	Looked(path string)
}

type nobody struct{}

func (nobody) Looked(string) {}

// Is tells whether the last part of a path is hidden; a nil observer is nobody.
func Is(path string, observer Observer) bool {
	if observer == nil {
		observer = nobody{}
	}
	prepare()
	observer.Looked(path)
	name := path[strings.LastIndex(path, "/")+1:]
	return len(name) > 1 && name[0] == '.' && name != ".."
}
