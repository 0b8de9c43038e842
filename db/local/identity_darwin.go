package local

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// fileNumber returns the inode of a file and when that was made, in ns since
// 1970; 0 where the file system does not keep it.
func fileNumber(path string) (inode uint64, born int64, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, 0, fmt.Errorf("look at %s: %w", path, err)
	}
	return st.Ino, st.Btim.Nano(), nil
}

// thisMachine returns the id that the system gave this machine when it was set
// up, "" where there is none.
func thisMachine() string {
	id, err := unix.Sysctl("kern.uuid")
	if err != nil {
		return ""
	}
	return id
}
