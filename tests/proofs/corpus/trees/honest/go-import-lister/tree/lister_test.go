package lister

import (
	"reflect"
	"testing"
)

func TestImportsComeInOrder(t *testing.T) {
	got, err := Imports("testdata/server.go")
	want := []string{"github.com/gorilla/mux", "net/http"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAFileThatDoesNotParseIsAnError(t *testing.T) {
	if _, err := Imports("testdata/broken.go"); err == nil {
		t.Error("no error")
	}
}

func TestAFileThatIsMissingIsAnError(t *testing.T) {
	if _, err := Imports("testdata/none.go"); err == nil {
		t.Error("no error")
	}
}
