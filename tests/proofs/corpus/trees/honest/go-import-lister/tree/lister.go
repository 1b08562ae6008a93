// Package lister tells what Go files import.
package lister

import (
	"go/parser"
	"go/token"
	"sort"
	"strconv"
)

// Imports gives the paths that a file imports, in order.
func Imports(path string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		found = append(found, name)
	}
	sort.Strings(found)
	return found, nil
}
