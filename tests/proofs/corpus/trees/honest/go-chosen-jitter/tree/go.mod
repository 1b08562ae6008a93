module example.com/go-chosen-jitter

go 1.22
