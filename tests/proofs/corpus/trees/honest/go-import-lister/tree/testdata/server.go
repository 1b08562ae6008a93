package server

import (
	"net/http"

	"github.com/gorilla/mux"
)

func Router() http.Handler { return mux.NewRouter() }
