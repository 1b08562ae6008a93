module example.com/go-population-spread

go 1.22
