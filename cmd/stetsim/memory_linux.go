//go:build linux && cgo

package main

/*
#cgo CFLAGS: -I${SRCDIR}/../../db/faultdisk
#include <malloc.h>

extern int sqlite3_config(int, ...); // comes with the driver
extern int keep_journals(const char *);

enum { CONFIG_MEMSTATUS = 9 };

static int keep_memory(void) {
#ifdef __GLIBC__ // other C libraries keep their own ways
	mallopt(M_MMAP_THRESHOLD, 16 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	mallopt(M_TOP_PAD, 4 << 20);
#endif
	int rc = sqlite3_config(CONFIG_MEMSTATUS, 0);
	if (rc != 0) return rc;
	return keep_journals("unix-excl");
}
*/
import "C"

import "fmt"

// keepMemory must be called before SQLite is used. It makes everything that
// takes turns between workers or asks the system cheaper:
//
//   - The C library keeps what SQLite frees: connections come and go by the
//     thousand, and the system would have to find and clear the same pages each
//     time.
//   - SQLite does not count its memory, which every allocation would lock.
//   - A store's file belongs to this process, so that its connections agree
//     about locks and the journal's index in memory and not in the file system.
//   - The journal itself is in memory, too: nearly all that is written is
//     written there, and is gone before anybody else looks.
func keepMemory() error {
	if rc := C.keep_memory(); rc != 0 {
		return fmt.Errorf("set SQLite up: error %d", int(rc))
	}
	return nil
}
