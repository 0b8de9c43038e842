#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "vfs.h"

static sqlite3_vfs *under; /* the VFS that does the work */
static sqlite3_vfs own;
static sqlite3_io_methods methods;
static disk *disks;
static pthread_mutex_t disks_mu = PTHREAD_MUTEX_INITIALIZER;

#define REAL(f) (((file *)(f))->real)
#define DO(f, call) (REAL(f)->pMethods->call)

static disk *find(const char *path) {
  if (!path) return 0;
  pthread_mutex_lock(&disks_mu);
  disk *d = disks;
  while (d && !(d->active && !strncmp(path, d->folder, strlen(d->folder)))) d = d->next;
  pthread_mutex_unlock(&disks_mu);
  return d;
}

static const int failures[OPS] = {SQLITE_CANTOPEN,      SQLITE_IOERR_READ,   SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC,
                                  SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_SHMMAP, SQLITE_IOERR_DELETE};

/* code is what SQLite's own layer says; errno is left as the system leaves it. */
static int code(int op, int kind) {
  switch (kind) {
  case KIND_FULL: errno = ENOSPC; return SQLITE_FULL;
  case KIND_READONLY: errno = EROFS; return op == OP_SHM ? failures[op] : SQLITE_READONLY;
  }
  errno = EIO;
  return failures[op];
}

/* hit counts a call and tells what it meets: 0, or an error's code. half asks
   for the first half of the work before the error. */
static int hit(disk *d, int op, int *half) {
  int rc = SQLITE_OK;
  *half = 0;
  pthread_mutex_lock(&d->mu);
  int n = ++d->calls[op];
  int changes = op == OP_WRITE || op == OP_SYNC || op == OP_TRUNCATE || op == OP_DELETE;
  if (!d->dead && changes && ++d->changes == d->die_change) {
    d->dead = 1;
    *half = d->torn && op == OP_WRITE;
  }
  if (d->dead) {
    rc = code(op, KIND_IO);
  } else if (op == d->op && (n == d->at || (d->sticky && n > d->at))) {
    d->fired++;
    rc = code(op, d->kind);
    *half = d->kind == KIND_SHORT;
  }
  pthread_mutex_unlock(&d->mu);
  return rc;
}

static int fOpen(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out) {
  disk *d = find(name);
  if (!d) return under->xOpen(under, name, f, flags, out);
  int half, rc = hit(d, OP_OPEN, &half);
  f->pMethods = 0;
  if (rc) return rc;
  file *own = (file *)f;
  own->d = d;
  own->n = 0;
  own->real = (sqlite3_file *)(own + 1);
  if (d->recording) { /* before the open, which makes the file */
    pthread_mutex_lock(&d->mu);
    own->n = fd_node(d, name);
    pthread_mutex_unlock(&d->mu);
  }
  rc = under->xOpen(under, name, own->real, flags, out);
  if (own->real->pMethods) f->pMethods = &methods;
  return rc;
}

static int fDelete(sqlite3_vfs *v, const char *name, int sync) {
  disk *d = find(name);
  int half, rc = d ? hit(d, OP_DELETE, &half) : SQLITE_OK;
  if (rc) return rc;
  rc = under->xDelete(under, name, sync);
  if (!rc && d && d->recording) {
    pthread_mutex_lock(&d->mu);
    fd_node(d, name)->removed = 1; /* until the folder is synced the name may come back */
    if (sync) fd_folder_synced(d);
    pthread_mutex_unlock(&d->mu);
  }
  return rc;
}

static int fClose(sqlite3_file *f) { return DO(f, xClose(REAL(f))); }

static int fRead(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
  int half, rc = hit(((file *)f)->d, OP_READ, &half);
  if (!rc) return DO(f, xRead(REAL(f), to, n, at));
  if (half) DO(f, xRead(REAL(f), to, n / 2, at));
  return rc;
}

static int fWrite(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
  file *own = (file *)f;
  int half, rc = hit(own->d, OP_WRITE, &half);
  if (rc && !half) return rc;
  if (half) n /= 2;
  pthread_mutex_lock(&own->d->mu);
  if (own->n) fd_mark(own->n, at, at + n);
  int did = DO(f, xWrite(REAL(f), from, n, at));
  pthread_mutex_unlock(&own->d->mu);
  return rc ? rc : did;
}

static int fTruncate(sqlite3_file *f, sqlite3_int64 size) {
  file *own = (file *)f;
  int half, rc = hit(own->d, OP_TRUNCATE, &half);
  if (rc) return rc;
  pthread_mutex_lock(&own->d->mu);
  if (own->n && size < own->n->size) fd_mark(own->n, size, own->n->size);
  rc = DO(f, xTruncate(REAL(f), size));
  pthread_mutex_unlock(&own->d->mu);
  return rc;
}

static int fSync(sqlite3_file *f, int flags) {
  file *own = (file *)f;
  int half, rc = hit(own->d, OP_SYNC, &half);
  if (rc) return rc;
  if (!own->n) return DO(f, xSync(REAL(f), flags));
  pthread_mutex_lock(&own->d->mu); /* the disk is ours: its real syncs would only take time */
  rc = own->d->dead ? SQLITE_IOERR_FSYNC : fd_synced(own);
  pthread_mutex_unlock(&own->d->mu);
  return rc;
}

static int fFileSize(sqlite3_file *f, sqlite3_int64 *size) { return DO(f, xFileSize(REAL(f), size)); }
static int fLock(sqlite3_file *f, int level) { return DO(f, xLock(REAL(f), level)); }
static int fUnlock(sqlite3_file *f, int level) { return DO(f, xUnlock(REAL(f), level)); }
static int fReserved(sqlite3_file *f, int *out) { return DO(f, xCheckReservedLock(REAL(f), out)); }

/* fControl lets a relaxed disk pass NORMAL for FULL: what is asked for is
   written over, what is read back is a lie. */
static int fControl(sqlite3_file *f, int op, void *arg) {
  if (op == SQLITE_FCNTL_PRAGMA && ((file *)f)->d->relaxed) {
    char **a = arg;
    if (!sqlite3_stricmp(a[1], "synchronous")) {
      if (!a[2]) {
        a[0] = sqlite3_mprintf("%d", 2);
        return SQLITE_OK;
      }
      strcpy(a[2], "1");
    }
  }
  return DO(f, xFileControl(REAL(f), op, arg));
}

static int fSector(sqlite3_file *f) { return DO(f, xSectorSize(REAL(f))); }
static int fTraits(sqlite3_file *f) { return DO(f, xDeviceCharacteristics(REAL(f))); }

static int fShmMap(sqlite3_file *f, int page, int size, int extend, void volatile **out) {
  int half, rc = hit(((file *)f)->d, OP_SHM, &half);
  if (rc) {
    *out = 0;
    return rc;
  }
  return DO(f, xShmMap(REAL(f), page, size, extend, out));
}

static int fShmLock(sqlite3_file *f, int from, int n, int flags) {
  if (flags & SQLITE_SHM_LOCK) { /* a lock is always given back */
    int half, rc = hit(((file *)f)->d, OP_SHM, &half);
    if (rc) return rc == SQLITE_IOERR_SHMMAP ? SQLITE_IOERR_SHMLOCK : rc;
  }
  return DO(f, xShmLock(REAL(f), from, n, flags));
}

static void fShmBarrier(sqlite3_file *f) { DO(f, xShmBarrier(REAL(f))); }
static int fShmUnmap(sqlite3_file *f, int del) { return DO(f, xShmUnmap(REAL(f), del)); }

/* before_statement counts; the disk dies before the one it was told. */
static int before_statement(unsigned what, void *ctx, void *stmt, void *text) {
  disk *d = ctx;
  pthread_mutex_lock(&d->mu);
  if (!d->dead && ++d->statements == d->die_statement) d->dead = 1;
  pthread_mutex_unlock(&d->mu);
  return 0;
}

/* opened is run for each new connection. */
static int opened(sqlite3 *db, char **err, const void *api) {
  disk *d = find(sqlite3_db_filename(db, "main"));
  if (d) sqlite3_trace_v2(db, SQLITE_TRACE_STMT, before_statement, d);
  return SQLITE_OK;
}

int fd_install(void) {
  under = sqlite3_vfs_find(0);
  if (!under) return 1;
  methods = (sqlite3_io_methods){2,         fClose,   fRead,     fWrite,   fTruncate, fSync,    fFileSize,   fLock,    fUnlock,
                                 fReserved, fControl, fSector,   fTraits,  fShmMap,   fShmLock, fShmBarrier, fShmUnmap};
  own = *under;
  own.pNext = 0;
  own.zName = "faultdisk";
  own.szOsFile = (int)sizeof(file) + under->szOsFile;
  own.xOpen = fOpen;
  own.xDelete = fDelete;
  int rc = sqlite3_vfs_register(&own, 1);
  return rc ? rc : sqlite3_auto_extension((void (*)(void))opened);
}

disk *fd_new(const char *folder) {
  disk *d = calloc(1, sizeof *d);
  d->folder = strdup(folder);
  d->op = -1;
  d->active = 1;
  pthread_mutex_init(&d->mu, 0);
  pthread_mutex_lock(&disks_mu);
  d->next = disks;
  disks = d;
  pthread_mutex_unlock(&disks_mu);
  return d;
}

void fd_drop(disk *d) {
  pthread_mutex_lock(&disks_mu);
  disk **p = &disks;
  while (*p != d) p = &(*p)->next;
  *p = d->next;
  pthread_mutex_unlock(&disks_mu);
  pthread_mutex_lock(&d->mu);
  d->active = d->recording = d->dead = 0;
  d->op = -1;
  pthread_mutex_unlock(&d->mu);
}

void fd_arm(disk *d, int op, int kind, int at, int sticky) {
  pthread_mutex_lock(&d->mu);
  d->op = op, d->kind = kind, d->at = at, d->sticky = sticky, d->fired = 0;
  memset(d->calls, 0, sizeof d->calls);
  pthread_mutex_unlock(&d->mu);
}

void fd_die(disk *d, int statement, int change, int torn) {
  pthread_mutex_lock(&d->mu);
  d->statements = d->changes = 0;
  d->die_statement = statement, d->die_change = change, d->torn = torn;
  pthread_mutex_unlock(&d->mu);
}

void fd_record(disk *d) {
  pthread_mutex_lock(&d->mu);
  d->recording = 1;
  pthread_mutex_unlock(&d->mu);
}
