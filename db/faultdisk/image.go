//go:build linux && cgo

package faultdisk

/*
#include "vfs.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"unsafe"
)

// sector is the smallest piece that is written as one.
const sector = 512

// PowerLoss writes to a folder what the files could hold after a power loss at
// this moment: each unsynced piece of unit bytes (512 or 4096) is kept, dropped
// or torn, each unsynced size, new name and removed name is old or new. The
// disk must be recorded and should be dead.
func (d *Disk) PowerLoss(r *rand.Rand, unit int, folder string) error {
	C.pthread_mutex_lock(&d.c.mu)
	defer C.pthread_mutex_unlock(&d.c.mu)
	for n := d.c.nodes; n != nil; n = n.next {
		path := C.GoString(n.path)
		now, err := os.ReadFile(path)
		gone := errors.Is(err, fs.ErrNotExist)
		if err != nil && !gone {
			return fmt.Errorf("power loss: %w", err)
		}
		left := loss{r: r, unit: unit, now: now, dirty: unsafe.Slice((*byte)(n.dirty), int(n.sectors)),
			old: unsafe.Slice((*byte)(n.bytes), int(n.size))}
		bytes, there := left.file(gone, n.durable != 0)
		if !there {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(path)), bytes, 0o600); err != nil {
			return fmt.Errorf("power loss: %w", err)
		}
	}
	return nil
}

// loss is one file at a power loss.
type loss struct {
	r        *rand.Rand
	unit     int
	now, old []byte
	dirty    []byte
}

func (l loss) file(gone, durable bool) (left []byte, there bool) {
	switch coin := l.r.IntN(2) == 0; {
	case gone && (!durable || coin): // the removal is on the disk
		return nil, false
	case gone:
		return append([]byte(nil), l.old...), true
	case !durable && coin: // the name never got there
		return nil, false
	}
	left = make([]byte, l.size())
	copy(left, l.old)
	for at := 0; at < len(left); at += l.unit {
		end := min(at+l.unit, len(left))
		switch l.r.IntN(3) {
		case 0: // kept
			l.keep(left, at, end)
		case 1: // torn: the first pieces are kept
			l.keep(left, at, at+l.r.IntN(end-at))
		}
	}
	return left, true
}

// size is that of the last sync, the present one, or one between.
func (l loss) size() int {
	small, big := min(len(l.old), len(l.now)), max(len(l.old), len(l.now))
	switch l.r.IntN(3) {
	case 0:
		return len(l.old)
	case 1:
		return len(l.now)
	}
	return small + l.r.IntN(big-small+1)
}

// keep copies what was written but not synced in a part of the file.
func (l loss) keep(left []byte, from, to int) {
	for at := from; at < to; {
		next := min((at/sector+1)*sector, to)
		if at/sector < len(l.dirty) && l.dirty[at/sector] != 0 {
			clear(left[at:next])
			if at < len(l.now) {
				copy(left[at:next], l.now[at:])
			}
		}
		at = next
	}
}
