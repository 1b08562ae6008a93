//go:build !windows

package hidden

func prepare() {}
