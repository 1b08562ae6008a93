module example.com/go-word-counts

go 1.22
