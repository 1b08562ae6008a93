module example.com/go-platform-file

go 1.22
