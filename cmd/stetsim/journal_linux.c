#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "sqlite.h"

/* A VFS that keeps write-ahead logs in memory and leaves all other files to the
   one below it. A log ends with the last connection to its store, which moves
   it into the file: who copies or looks at closed stores sees no difference. */

enum { OPEN_WAL = 0x80000, SHORT_READ = SQLITE_IOERR | (2 << 8), NOMEM = 7, NOT_KNOWN = 12, ACCESS_EXISTS = 0 };

typedef struct journal journal;
struct journal {
  journal *next;
  char *path;
  char *data;
  sqlite3_int64 size, room;
  int users;
  int removed; /* it has no name any more */
};

typedef struct {
  sqlite3_file base;
  journal *j;
} file;

static sqlite3_vfs *under, own;
static journal *journals;
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER; /* over all journals */

#define J(f) (((file *)(f))->j)

static journal *find(const char *path) {
  journal *j = journals;
  while (j && (j->removed || strcmp(j->path, path))) j = j->next;
  return j;
}

static journal *make(const char *path) {
  journal *j = calloc(1, sizeof *j);
  if (!j || !(j->path = strdup(path))) {
    free(j);
    return 0;
  }
  j->next = journals;
  return journals = j;
}

/* drop frees a journal that nobody can reach. */
static void drop(journal *j) {
  if (j->users > 0 || !j->removed) return;
  journal **p = &journals;
  while (*p != j) p = &(*p)->next;
  *p = j->next;
  free(j->path);
  free(j->data);
  free(j);
}

static int jClose(sqlite3_file *f) {
  pthread_mutex_lock(&mu);
  J(f)->users--;
  drop(J(f));
  pthread_mutex_unlock(&mu);
  return SQLITE_OK;
}

static int jRead(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
  pthread_mutex_lock(&mu);
  sqlite3_int64 there = J(f)->size - at;
  if (there > n) there = n;
  if (there < 0) there = 0;
  if (there > 0) memcpy(to, J(f)->data + at, there);
  pthread_mutex_unlock(&mu);
  if (there == n) return SQLITE_OK;
  memset((char *)to + there, 0, n - there);
  return SHORT_READ;
}

/* reserve makes room for size bytes. */
static int reserve(journal *j, sqlite3_int64 size) {
  if (size <= j->room) return SQLITE_OK;
  sqlite3_int64 room = size > 2 * j->room ? size : 2 * j->room;
  char *data = realloc(j->data, room);
  if (!data) return NOMEM;
  j->data = data;
  j->room = room;
  return SQLITE_OK;
}

static int jWrite(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
  pthread_mutex_lock(&mu);
  journal *j = J(f);
  int rc = reserve(j, at + n);
  if (!rc) {
    if (at > j->size) memset(j->data + j->size, 0, at - j->size);
    memcpy(j->data + at, from, n);
    if (at + n > j->size) j->size = at + n;
  }
  pthread_mutex_unlock(&mu);
  return rc;
}

static int jTruncate(sqlite3_file *f, sqlite3_int64 size) {
  pthread_mutex_lock(&mu);
  if (size < J(f)->size) J(f)->size = size;
  pthread_mutex_unlock(&mu);
  return SQLITE_OK;
}

static int jSize(sqlite3_file *f, sqlite3_int64 *size) {
  pthread_mutex_lock(&mu);
  *size = J(f)->size;
  pthread_mutex_unlock(&mu);
  return SQLITE_OK;
}

static int jSync(sqlite3_file *f, int flags) { return SQLITE_OK; }
static int jLock(sqlite3_file *f, int level) { return SQLITE_OK; } /* the store's file has the locks */
static int jReserved(sqlite3_file *f, int *out) { return *out = 0; }
static int jControl(sqlite3_file *f, int op, void *arg) { return NOT_KNOWN; }
static int jSector(sqlite3_file *f) { return 4096; }
static int jTraits(sqlite3_file *f) { return 0; }

static const sqlite3_io_methods methods = {1,     jClose, jRead, jWrite,    jTruncate, jSync,   jSize,
                                           jLock, jLock,  jReserved, jControl,  jSector,   jTraits};

static int vOpen(sqlite3_vfs *v, const char *path, sqlite3_file *f, int flags, int *out) {
  int there = 0;
  if (flags & OPEN_WAL) under->xAccess(under, path, ACCESS_EXISTS, &there);
  if (!(flags & OPEN_WAL) || there) return under->xOpen(under, path, f, flags, out);
  f->pMethods = 0;
  pthread_mutex_lock(&mu);
  journal *j = find(path);
  if (!j) j = make(path);
  if (j) {
    j->users++;
    J(f) = j;
    f->pMethods = &methods;
  }
  pthread_mutex_unlock(&mu);
  if (out) *out = flags;
  return j ? SQLITE_OK : NOMEM;
}

static int vDelete(sqlite3_vfs *v, const char *path, int sync) {
  pthread_mutex_lock(&mu);
  journal *j = find(path);
  if (j) {
    j->removed = 1;
    drop(j);
  }
  pthread_mutex_unlock(&mu);
  return j ? SQLITE_OK : under->xDelete(under, path, sync);
}

static int vAccess(sqlite3_vfs *v, const char *path, int flags, int *out) {
  pthread_mutex_lock(&mu);
  journal *j = find(path);
  int size = j && j->size > 0;
  pthread_mutex_unlock(&mu);
  if (!j || flags != ACCESS_EXISTS) return under->xAccess(under, path, flags, out);
  *out = size; /* as for a file: an empty one is none */
  return SQLITE_OK;
}

int keep_journals(const char *below) {
  under = sqlite3_vfs_find(below);
  if (!under) return 1;
  own = *under;
  own.pNext = 0;
  own.zName = "stetsim";
  if (own.szOsFile < (int)sizeof(file)) own.szOsFile = sizeof(file);
  own.xOpen = vOpen;
  own.xDelete = vDelete;
  own.xAccess = vAccess;
  return sqlite3_vfs_register(&own, 1);
}
