module example.com/help-ends-with-2

go 1.22
