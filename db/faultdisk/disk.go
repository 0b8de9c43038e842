//go:build linux && cgo

package faultdisk

/*
#include <stdlib.h>
#include "vfs.h"
*/
import "C"

import (
	"fmt"
	"path/filepath"
	"unsafe"
)

func init() {
	if rc := C.fd_install(); rc != 0 {
		panic(fmt.Sprintf("faultdisk: SQLite is not linked or refuses the disk (%d)", rc))
	}
}

// Disk is a folder whose SQLite files meet faults. It is safe for use by many
// goroutines.
type Disk struct{ c *C.disk }

// New makes the folder, which exists, a Disk without faults. Only connections
// opened afterwards are its own.
func New(folder string) (*Disk, error) {
	abs, err := filepath.EvalSymlinks(folder)
	if err == nil {
		abs, err = filepath.Abs(abs)
	}
	if err != nil {
		return nil, fmt.Errorf("fault disk: %w", err)
	}
	name := C.CString(abs + "/")
	defer C.free(unsafe.Pointer(name))
	return &Disk{C.fd_new(name)}, nil
}

// Close ends all faults. The connections must be closed before.
func (d *Disk) Close() {
	C.fd_drop(d.c)
	C.fd_forget(d.c)
}

// Arm counts anew and lets the fault happen.
func (d *Disk) Arm(f Fault) {
	C.fd_arm(d.c, C.int(f.Op), C.int(f.Kind), C.int(f.N), flag(f.Sticky))
}

// Disarm ends the fault.
func (d *Disk) Disarm() {
	C.pthread_mutex_lock(&d.c.mu)
	defer C.pthread_mutex_unlock(&d.c.mu)
	d.c.op = -1
}

// Fired returns how often the fault struck.
func (d *Disk) Fired() int {
	C.pthread_mutex_lock(&d.c.mu)
	defer C.pthread_mutex_unlock(&d.c.mu)
	return int(d.c.fired)
}

// Calls returns how many calls of an Op there were since Arm.
func (d *Disk) Calls(op Op) int {
	C.pthread_mutex_lock(&d.c.mu)
	defer C.pthread_mutex_unlock(&d.c.mu)
	return int(d.c.calls[op])
}

// Die counts anew and lets the process that uses the disk die, as far as the
// disk can tell, at a Death: nothing is read or written any more.
func (d *Disk) Die(at Death) {
	C.fd_die(d.c, C.int(at.Statement), C.int(at.Change), flag(at.Torn))
}

// Dead reports whether a Death has come.
func (d *Disk) Dead() bool {
	C.pthread_mutex_lock(&d.c.mu)
	defer C.pthread_mutex_unlock(&d.c.mu)
	return d.c.dead != 0
}

// Kill lets the Death come now.
func (d *Disk) Kill() {
	C.pthread_mutex_lock(&d.c.mu)
	defer C.pthread_mutex_unlock(&d.c.mu)
	d.c.dead = 1
}

// Counts returns how many statements and changes there were since Die.
func (d *Disk) Counts() (statements, changes int) {
	C.pthread_mutex_lock(&d.c.mu)
	defer C.pthread_mutex_unlock(&d.c.mu)
	return int(d.c.statements), int(d.c.changes)
}

// Relax lets all connections opened from now on run with synchronous=NORMAL,
// whatever they ask for, and tells them FULL when they look.
func (d *Disk) Relax() {
	C.pthread_mutex_lock(&d.c.mu)
	defer C.pthread_mutex_unlock(&d.c.mu)
	d.c.relaxed = 1
}

// Record begins to watch what is not synced, for [Disk.PowerLoss]. What the
// files hold now counts as durable.
func (d *Disk) Record() { C.fd_record(d.c) }

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
