module example.com/go-one-table

go 1.22
