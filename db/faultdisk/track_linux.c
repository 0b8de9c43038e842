/* What a power loss would leave: for each file the bytes of its last sync, and
   which sectors were written since. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "vfs.h"

#define SECTOR 512

static void room(node *n, sqlite3_int64 size) {
  if (size <= n->room) return;
  sqlite3_int64 want = n->room * 2 > size ? n->room * 2 : size;
  n->bytes = realloc(n->bytes, want);
  memset(n->bytes + n->room, 0, want - n->room);
  n->room = want;
}

/* fd_node finds the record of a path, or begins one: what is in the file now
   is durable. The disk's lock is held. */
node *fd_node(disk *d, const char *path) {
  for (node *n = d->nodes; n; n = n->next)
    if (!strcmp(n->path, path)) return n;
  node *n = calloc(1, sizeof *n);
  n->path = strdup(path);
  n->next = d->nodes;
  d->nodes = n;
  int f = open(path, O_RDONLY);
  if (f < 0) return n;
  n->durable = 1;
  n->size = lseek(f, 0, SEEK_END);
  room(n, n->size);
  if (pread(f, n->bytes, n->size, 0) != n->size) n->size = 0;
  close(f);
  return n;
}

void fd_mark(node *n, sqlite3_int64 from, sqlite3_int64 to) {
  sqlite3_int64 last = (to + SECTOR - 1) / SECTOR;
  if (last > n->sectors) {
    sqlite3_int64 want = last * 2;
    n->dirty = realloc(n->dirty, want);
    memset(n->dirty + n->sectors, 0, want - n->sectors);
    n->sectors = want;
  }
  for (sqlite3_int64 i = from / SECTOR; i < last; i++) n->dirty[i] = 1;
}

/* fd_synced makes what is in the file durable. The disk's lock is held. */
int fd_synced(file *f) {
  node *n = f->n;
  sqlite3_int64 size;
  int rc = f->real->pMethods->xFileSize(f->real, &size);
  if (rc) return rc;
  room(n, size);
  for (sqlite3_int64 i = 0; i < n->sectors; i++) {
    if (!n->dirty[i]) continue;
    n->dirty[i] = 0;
    sqlite3_int64 at = i * SECTOR;
    if (at >= size) continue;
    int len = size - at < SECTOR ? (int)(size - at) : SECTOR;
    if ((rc = f->real->pMethods->xRead(f->real, n->bytes + at, len, at))) return rc;
  }
  if (size < n->size) memset(n->bytes + size, 0, n->size - size);
  n->size = size;
  if (!n->durable || n->removed) { /* a new name: SQLite syncs the folder with it */
    n->durable = 1, n->removed = 0;
    fd_folder_synced(f->d);
  }
  return SQLITE_OK;
}

/* fd_folder_synced makes the removal of names durable. */
void fd_folder_synced(disk *d) {
  for (node *n = d->nodes; n; n = n->next) {
    if (!n->removed) continue;
    n->removed = n->durable = 0;
    n->size = 0;
    if (n->room) memset(n->bytes, 0, n->room);
  }
}

void fd_forget(disk *d) {
  while (d->nodes) {
    node *n = d->nodes;
    d->nodes = n->next;
    free(n->path);
    free(n->bytes);
    free(n->dirty);
    free(n);
  }
}
