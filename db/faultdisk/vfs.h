/* A pass-through VFS that fails, dies and forgets as asked. */
#ifndef FAULTDISK_VFS_H
#define FAULTDISK_VFS_H

#include <pthread.h>
#include "sqlite.h"

enum { OP_OPEN, OP_READ, OP_WRITE, OP_SYNC, OP_TRUNCATE, OP_SHM, OP_DELETE, OPS };
enum { KIND_IO, KIND_FULL, KIND_READONLY, KIND_SHORT };

/* node is what is known of one file whose unsynced sectors are watched. */
typedef struct node node;
struct node {
  node *next;
  char *path;
  int durable;          /* the name survives */
  int removed;          /* since the folder was last synced */
  sqlite3_int64 size;   /* durable bytes */
  unsigned char *bytes;
  sqlite3_int64 room;
  unsigned char *dirty; /* one flag a sector of 512 bytes, since the last sync */
  sqlite3_int64 sectors;
};

/* disk is one folder and what happens to the files in it. It is never freed:
   a connection that outlives the test still points to it. */
typedef struct disk disk;
struct disk {
  disk *next;
  char *folder; /* with a slash at the end */
  pthread_mutex_t mu;
  int active;
  int op, kind, at, sticky, fired; /* the fault; op -1: none */
  int calls[OPS];
  int statements, changes; /* counted since arming */
  int die_statement, die_change, torn, dead;
  int recording, relaxed;
  node *nodes;
};

typedef struct file file;
struct file {
  sqlite3_file base;
  disk *d;
  node *n;
  sqlite3_file *real;
};

int fd_install(void);
disk *fd_new(const char *folder);
void fd_drop(disk *);
void fd_arm(disk *, int op, int kind, int at, int sticky);
void fd_die(disk *, int statement, int change, int torn);
void fd_record(disk *);
node *fd_node(disk *, const char *path);
void fd_mark(node *, sqlite3_int64 from, sqlite3_int64 to);
int fd_synced(file *);
void fd_folder_synced(disk *);
void fd_forget(disk *);

#endif
