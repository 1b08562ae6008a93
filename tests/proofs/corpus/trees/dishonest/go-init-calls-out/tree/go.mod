module example.com/go-init-calls-out

go 1.22
