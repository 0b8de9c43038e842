package disk

import "golang.org/x/sys/unix"

// networkKinds are the file systems on which SQLite's shared memory and locks
// do not reach the other machines.
var networkKinds = map[uint32]string{
	unix.NFS_SUPER_MAGIC: "NFS", unix.SMB_SUPER_MAGIC: "SMB", unix.SMB2_SUPER_MAGIC: "SMB", unix.CIFS_SUPER_MAGIC: "CIFS",
	unix.AFS_SUPER_MAGIC: "AFS", unix.AFS_FS_MAGIC: "AFS", unix.CEPH_SUPER_MAGIC: "Ceph", unix.CODA_SUPER_MAGIC: "Coda", unix.NCP_SUPER_MAGIC: "NCP",
	0x0BD00BD0: "Lustre", 0x47504653: "GPFS",
}

// NetworkFS names the network file system that holds path, "" if none does.
func NetworkFS(path string) string {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return ""
	}
	return networkKinds[uint32(st.Type)]
}
