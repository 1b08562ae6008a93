module example.com/go-other-words

go 1.22
