/*
 * A shim to be preloaded: writes down, in order, everything that a process changes below one folder, what it syncs
 * there, and what it says on its standard output. TASKTRAIL_SHIM_ROOT names the folder, TASKTRAIL_SHIM_STREAM the
 * file that this is written to, as records:
 *
 *     kind (1 byte), descriptor (4), number (8), payload length (4), payload; numbers in the machine's own order
 *
 * A change is made and written down under one lock, so that the stream's order is the kernel's. A sync is written down
 * twice, as it begins and as it is done, and holds up nobody. Streams of stdio lose their buffer: libc's own writes
 * would pass by unseen. What the shim knows that it does not follow is written down as such.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real(#name))
#define DESCRIPTORS 65536

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[4096];
static size_t rootLength;
static int stream = -1;
static uint64_t syncs;
/* Whether what a descriptor stands for lies below the folder. */
static char followed[DESCRIPTORS];

static void *real(const char *name) {
  void *function = dlsym(RTLD_NEXT, name);
  if (function == NULL) abort();
  return function;
}

static void writeAll(const void *bytes, size_t length) {
  const char *next = bytes;
  while (length > 0) {
    /* By its number: `write` is ours. */
    long done = syscall(SYS_write, stream, next, length);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) abort();
    next += done;
    length -= (size_t)done;
  }
}

static void record(char kind, int descriptor, uint64_t number, const void *payload, size_t length) {
  char head[17];
  int32_t fd = descriptor;
  uint32_t size = (uint32_t)length;
  int before = errno;
  head[0] = kind;
  memcpy(head + 1, &fd, 4);
  memcpy(head + 5, &number, 8);
  memcpy(head + 13, &size, 4);
  writeAll(head, sizeof head);
  writeAll(payload, length);
  errno = before;
}

__attribute__((constructor)) static void begin(void) {
  const char *folder = getenv("TASKTRAIL_SHIM_ROOT");
  const char *file = getenv("TASKTRAIL_SHIM_STREAM");
  if (folder == NULL || file == NULL) return;
  rootLength = strlen(folder);
  if (rootLength >= sizeof root) abort();
  memcpy(root, folder, rootLength + 1);
  stream = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (stream < 0) abort();
  /* Programs that this one starts are none of ours. */
  unsetenv("LD_PRELOAD");
}

/* A path as it goes on below the folder; NULL for all others. */
static const char *below(const char *path) {
  if (stream < 0 || strncmp(path, root, rootLength) != 0) return NULL;
  if (path[rootLength] == '\0') return "";
  return path[rootLength] == '/' ? path + rootLength + 1 : NULL;
}

static int isFollowed(int fd) { return fd >= 0 && fd < DESCRIPTORS && followed[fd]; }

static void unfollowed(const char *what) {
  pthread_mutex_lock(&lock);
  record('x', 0, 0, what, strlen(what));
  pthread_mutex_unlock(&lock);
}

static int opened(const char *path, int fd, int flags) {
  const char *name = below(path);
  if (fd < 0 || name == NULL) return fd;
  if (fd >= DESCRIPTORS) abort();
  followed[fd] = 1;
  record('o', fd, (uint64_t)flags, name, strlen(name));
  return fd;
}

static int openAndRecord(const char *path, int flags, mode_t mode) {
  if (stream < 0 || below(path) == NULL) return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  pthread_mutex_lock(&lock);
  int fd = opened(path, (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode), flags);
  pthread_mutex_unlock(&lock);
  return fd;
}

static mode_t modeOf(int flags, va_list rest) {
  return flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = modeOf(flags, rest);
  va_end(rest);
  return openAndRecord(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = modeOf(flags, rest);
  va_end(rest);
  return openAndRecord(path, flags | O_LARGEFILE, mode);
}

int openat(int folder, const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = modeOf(flags, rest);
  va_end(rest);
  if (path[0] == '/') return openAndRecord(path, flags, mode);
  if (isFollowed(folder)) unfollowed("openat");
  return (int)syscall(SYS_openat, folder, path, flags, mode);
}

int creat(const char *path, mode_t mode) { return openAndRecord(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd) {
  if (!isFollowed(fd)) return REAL(close)(fd);
  pthread_mutex_lock(&lock);
  followed[fd] = 0;
  record('c', fd, 0, "", 0);
  int result = REAL(close)(fd);
  pthread_mutex_unlock(&lock);
  return result;
}

/* One write, at the descriptor's own place where `offset` is negative. */
static ssize_t writeAndRecord(int fd, const void *bytes, size_t length, off_t offset) {
  pthread_mutex_lock(&lock);
  ssize_t done = offset < 0 ? syscall(SYS_write, fd, bytes, length) : syscall(SYS_pwrite64, fd, bytes, length, offset);
  int before = errno;
  if (done > 0 && !isFollowed(fd)) {
    record('n', fd, 0, bytes, (size_t)done);
  } else if (done > 0) {
    off_t at = offset < 0 ? lseek(fd, 0, SEEK_CUR) - done : offset;
    record('w', fd, (uint64_t)at, bytes, (size_t)done);
  }
  errno = before;
  pthread_mutex_unlock(&lock);
  return done;
}

static int isRecorded(int fd) { return stream >= 0 && (fd == STDOUT_FILENO || isFollowed(fd)); }

ssize_t write(int fd, const void *bytes, size_t length) {
  return isRecorded(fd) ? writeAndRecord(fd, bytes, length, -1) : syscall(SYS_write, fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  if (isRecorded(fd)) return writeAndRecord(fd, bytes, length, offset);
  return syscall(SYS_pwrite64, fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return pwrite(fd, bytes, length, offset); }

/* Piece by piece: a loss of power knows no writev either. */
static ssize_t writePieces(int fd, const struct iovec *pieces, int count, off_t offset) {
  ssize_t all = 0;
  for (int i = 0; i < count; i++) {
    ssize_t done = writeAndRecord(fd, pieces[i].iov_base, pieces[i].iov_len, offset < 0 ? offset : offset + all);
    if (done < 0) return all > 0 ? all : done;
    all += done;
    if ((size_t)done < pieces[i].iov_len) break;
  }
  return all;
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
  return isRecorded(fd) ? writePieces(fd, pieces, count, -1) : REAL(writev)(fd, pieces, count);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset) {
  return isRecorded(fd) ? writePieces(fd, pieces, count, offset) : REAL(pwritev)(fd, pieces, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t offset) {
  return pwritev(fd, pieces, count, offset);
}

int ftruncate(int fd, off_t length) {
  if (!isFollowed(fd)) return (int)syscall(SYS_ftruncate, fd, length);
  pthread_mutex_lock(&lock);
  int result = (int)syscall(SYS_ftruncate, fd, length);
  if (result == 0) record('t', fd, (uint64_t)length, "", 0);
  pthread_mutex_unlock(&lock);
  return result;
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

static int syncAndRecord(int fd, long number) {
  if (!isFollowed(fd)) return (int)syscall(number, fd);
  pthread_mutex_lock(&lock);
  uint64_t sync = ++syncs;
  record('s', fd, sync, "", 0);
  pthread_mutex_unlock(&lock);
  int result = (int)syscall(number, fd);
  pthread_mutex_lock(&lock);
  if (result == 0) record('d', fd, sync, "", 0);
  pthread_mutex_unlock(&lock);
  return result;
}

int fsync(int fd) { return syncAndRecord(fd, SYS_fsync); }
int fdatasync(int fd) { return syncAndRecord(fd, SYS_fdatasync); }

/* Something that is done to one name, or to two. */
static int nameAndRecord(char kind, int (*act)(const char *, const char *), const char *from, const char *to) {
  const char *name = below(from);
  const char *other = to == NULL ? NULL : below(to);
  if (name == NULL && other == NULL) return act(from, to);
  pthread_mutex_lock(&lock);
  int result = act(from, to);
  if (result == 0 && to == NULL) record(kind, 0, 0, name, strlen(name));
  else if (result == 0 && (name == NULL || other == NULL)) record('x', 0, 0, "a name moved in or out", 22);
  else if (result == 0) {
    char both[2 * sizeof root];
    int length = snprintf(both, sizeof both, "%s%c%s", name, '\0', other);
    if (length < 0 || (size_t)length >= sizeof both) abort();
    record(kind, 0, 0, both, (size_t)length);
  }
  pthread_mutex_unlock(&lock);
  return result;
}

static int doRename(const char *from, const char *to) { return REAL(rename)(from, to); }
static int doLink(const char *from, const char *to) { return REAL(link)(from, to); }
static int doUnlink(const char *path, const char *none) { (void)none; return REAL(unlink)(path); }
static int doRmdir(const char *path, const char *none) { (void)none; return REAL(rmdir)(path); }

int rename(const char *from, const char *to) { return nameAndRecord('r', doRename, from, to); }
int link(const char *from, const char *to) { return nameAndRecord('l', doLink, from, to); }
int unlink(const char *path) { return nameAndRecord('u', doUnlink, path, NULL); }
int rmdir(const char *path) { return nameAndRecord('u', doRmdir, path, NULL); }

int remove(const char *path) {
  struct stat found;
  if (lstat(path, &found) != 0) return -1;
  return S_ISDIR(found.st_mode) ? rmdir(path) : unlink(path);
}

int mkdir(const char *path, mode_t mode) {
  const char *name = below(path);
  if (name == NULL) return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
  pthread_mutex_lock(&lock);
  int result = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
  if (result == 0) record('m', 0, 0, name, strlen(name));
  pthread_mutex_unlock(&lock);
  return result;
}

/* Streams. */

static FILE *openStream(const char *path, const char *mode) {
  if (below(path) == NULL || mode[0] == 'r') return REAL(fopen64)(path, mode);
  pthread_mutex_lock(&lock);
  FILE *file = REAL(fopen64)(path, mode);
  if (file != NULL) {
    setvbuf(file, NULL, _IONBF, 0);
    opened(path, fileno(file), O_WRONLY | O_CREAT | (mode[0] == 'w' ? O_TRUNC : O_APPEND));
  }
  pthread_mutex_unlock(&lock);
  return file;
}

FILE *fopen(const char *path, const char *mode) { return openStream(path, mode); }
FILE *fopen64(const char *path, const char *mode) { return openStream(path, mode); }

int fclose(FILE *file) {
  int fd = fileno(file);
  if (!isFollowed(fd)) return REAL(fclose)(file);
  pthread_mutex_lock(&lock);
  followed[fd] = 0;
  record('c', fd, 0, "", 0);
  int result = REAL(fclose)(file);
  pthread_mutex_unlock(&lock);
  return result;
}

static size_t writeToStream(const void *bytes, size_t size, size_t count, FILE *file) {
  size_t left = size * count;
  const char *next = bytes;
  while (left > 0) {
    ssize_t done = writeAndRecord(fileno(file), next, left, -1);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return (size * count - left) / size;
    next += done;
    left -= (size_t)done;
  }
  return count;
}

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *file) {
  if (isFollowed(fileno(file))) return writeToStream(bytes, size, count, file);
  return REAL(fwrite)(bytes, size, count, file);
}

#undef fwrite_unlocked
size_t fwrite_unlocked(const void *bytes, size_t size, size_t count, FILE *file) {
  if (isFollowed(fileno(file))) return writeToStream(bytes, size, count, file);
  return REAL(fwrite_unlocked)(bytes, size, count, file);
}

/* What nobody of ours does. */

static void *mapMemory(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
  if (isFollowed(fd) && (flags & MAP_SHARED) && (protection & PROT_WRITE)) unfollowed("mmap");
  return (void *)syscall(SYS_mmap, at, length, protection, flags, fd, offset);
}

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
  return mapMemory(at, length, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t length, int protection, int flags, int fd, off64_t offset) {
  return mapMemory(at, length, protection, flags, fd, offset);
}

ssize_t sendfile64(int to, int from, off64_t *offset, size_t count) {
  if (isFollowed(to)) unfollowed("sendfile");
  return REAL(sendfile64)(to, from, offset, count);
}

ssize_t copy_file_range(int from, off64_t *fromAt, int to, off64_t *toAt, size_t count, unsigned flags) {
  if (isFollowed(to)) unfollowed("copy_file_range");
  return REAL(copy_file_range)(from, fromAt, to, toAt, count, flags);
}

int posix_fallocate(int fd, off_t offset, off_t length) {
  if (isFollowed(fd)) unfollowed("posix_fallocate");
  return REAL(posix_fallocate)(fd, offset, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
  if (isFollowed(fd)) unfollowed("fallocate");
  return REAL(fallocate)(fd, mode, offset, length);
}

int truncate(const char *path, off_t length) {
  if (below(path) != NULL) unfollowed("truncate");
  return (int)syscall(SYS_truncate, path, length);
}

int sync_file_range(int fd, off64_t offset, off64_t count, unsigned flags) {
  if (isFollowed(fd)) unfollowed("sync_file_range");
  return REAL(sync_file_range)(fd, offset, count, flags);
}
