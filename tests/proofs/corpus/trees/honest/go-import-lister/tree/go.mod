module example.com/go-import-lister

go 1.22
