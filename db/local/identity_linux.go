package local

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// fileNumber returns the inode of a file and when that was made, in ns since
// 1970; 0 where the file system does not keep it.
func fileNumber(path string) (inode uint64, born int64, err error) {
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO|unix.STATX_BTIME, &st) != nil { // old system, or a container that bars it
		var old unix.Stat_t
		if err := unix.Stat(path, &old); err != nil {
			return 0, 0, fmt.Errorf("look at %s: %w", path, err)
		}
		return old.Ino, 0, nil
	}
	if st.Mask&unix.STATX_BTIME != 0 {
		born = st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
	}
	return st.Ino, born, nil
}

// thisMachine returns the id that the system gave this machine when it was set
// up, "" where there is none. The host's name is no stand-in: it changes with
// the network, and with every start of a container.
func thisMachine() string {
	for _, file := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if id, err := os.ReadFile(file); err == nil {
			return strings.TrimSpace(string(id))
		}
	}
	return ""
}
