module example.com/go-known-answers

go 1.22
