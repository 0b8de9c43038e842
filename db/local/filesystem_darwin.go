package local

import "golang.org/x/sys/unix"

// networkFS names the network file system that holds path, "" if none does.
func networkFS(path string) string {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return ""
	}
	switch name := unix.ByteSliceToString(st.Fstypename[:]); name {
	case "nfs", "smbfs", "afpfs", "webdav", "ftp":
		return name
	}
	return ""
}
