// Command help-ends-with-2 adds a prefix to each line of standard input.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
)

// Prefix copies lines with a prefix before each.
func Prefix(in io.Reader, out io.Writer, prefix string) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if _, err := fmt.Fprintf(out, "%s%s\n", prefix, lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}

func main() {
	flags := flag.NewFlagSet("help-ends-with-2", flag.ContinueOnError)
	prefix := flags.String("prefix", "> ", "what to write before each line")
	if err := flags.Parse(os.Args[1:]); err != nil {
		os.Exit(2)
	}
	if err := Prefix(os.Stdin, os.Stdout, *prefix); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
