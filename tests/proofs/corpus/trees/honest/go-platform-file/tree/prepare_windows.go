package hidden

import "os"

func prepare() {
	if os.Getenv("HOME") == "" {
		os.Setenv("HOME", os.Getenv("USERPROFILE"))
	}
}
