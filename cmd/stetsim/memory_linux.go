package main

/*
#include <malloc.h>

// Other C libraries keep their own ways.
static void keep_memory(void) {
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, 16 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	mallopt(M_TOP_PAD, 4 << 20);
#endif
}
*/
import "C"

// keepMemory lets the C library keep what SQLite frees: connections come and go
// by the thousand, and the system would have to find and clear the same pages
// each time.
func keepMemory() { C.keep_memory() }
