module example.com/go-trim-unused

go 1.22
