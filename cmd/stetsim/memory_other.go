//go:build !linux

package main

// keepMemory is of use with glibc only.
func keepMemory() {}
