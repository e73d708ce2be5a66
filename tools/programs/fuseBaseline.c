/*
 * fuseBaseline: a filesystem of the same form as ours, with nothing behind it, on libfuse: what FUSE costs in C. Each
 * directory whose name begins with `bench` is there, and in each a file `tasks`, which reads as one line and takes
 * every write. Nothing is kept by the kernel, as with programs of libfuse's that give no timeouts.
 *
 * Usage: fuseBaseline FOLDER; prints `ready`, and serves until it is told to end. Compile with pkg-config's fuse3.
 */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { first_node = 3, nodes_each = 2 };

static const char text[] = "12345\n";

/* Odd numbers are directories, and the file in each has the number behind it. */
static void describe(fuse_ino_t node, struct stat *into) {
  memset(into, 0, sizeof *into);
  into->st_ino = node;
  into->st_mode = node % 2 ? S_IFDIR | 0755 : S_IFREG | 0644;
  into->st_nlink = 1;
}

static void reply_entry(fuse_req_t request, fuse_ino_t node) {
  struct fuse_entry_param entry = {.ino = node};
  describe(node, &entry.attr);
  fuse_reply_entry(request, &entry);
}

/* bench1-0 and the like. */
static void lookup(fuse_req_t request, fuse_ino_t parent, const char *name) {
  int client = 0, which = 0;
  if (parent == FUSE_ROOT_ID && sscanf(name, "bench%d-%d", &client, &which) == 2) {
    reply_entry(request, first_node + (client * 2 + which) * nodes_each);
  } else if (parent != FUSE_ROOT_ID && strcmp(name, "tasks") == 0) {
    reply_entry(request, parent + 1);
  } else {
    fuse_reply_err(request, ENOENT);
  }
}

static void getattr(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file) {
  (void)file;
  struct stat status;
  describe(node, &status);
  fuse_reply_attr(request, &status, 0);
}

static void setattr(fuse_req_t request, fuse_ino_t node, struct stat *to, int which, struct fuse_file_info *file) {
  (void)to;
  (void)which;
  getattr(request, node, file);
}

static void open_node(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file) {
  (void)node;
  file->direct_io = 1;
  fuse_reply_open(request, file);
}

static void read_node(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *file) {
  (void)node;
  (void)file;
  size_t length = sizeof text - 1;
  if (offset >= (off_t)length) length = offset = 0;
  length -= offset;
  fuse_reply_buf(request, text + offset, size < length ? size : length);
}

static void write_node(fuse_req_t request, fuse_ino_t node, const char *bytes, size_t size, off_t offset,
                       struct fuse_file_info *file) {
  (void)node;
  (void)bytes;
  (void)offset;
  (void)file;
  fuse_reply_write(request, size);
}

static void done(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file) {
  (void)node;
  (void)file;
  fuse_reply_err(request, 0);
}

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "Usage: fuseBaseline FOLDER\n");
    return 2;
  }
  struct fuse_lowlevel_ops operations = {
      .lookup = lookup,   .getattr = getattr,  .setattr = setattr, .open = open_node,
      .read = read_node,  .write = write_node, .release = done,
  };
  char *options[] = {arguments[0], "-o", "allow_other,default_permissions"};
  struct fuse_args parsed = FUSE_ARGS_INIT(3, options);
  struct fuse_session *session = fuse_session_new(&parsed, &operations, sizeof operations, NULL);
  if (!session || fuse_set_signal_handlers(session) || fuse_session_mount(session, arguments[1])) return 1;
  puts("ready");
  fflush(stdout);
  int result = fuse_session_loop(session);
  fuse_session_unmount(session);
  fuse_session_destroy(session);
  return result < 0 ? 1 : 0;
}
