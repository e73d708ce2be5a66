/*
 * fsClients: clients of a tree of containers that do one thing again and again, each in a container of its own, and how
 * long each time took.
 *
 * Usage: fsClients ROOT DEED CLIENTS MILLISECONDS
 *
 * DEED is `read` (open, read and close `tasks`), `write` (open `tasks`, write the client's own pid, which is in there
 * already, and close), `move` (the same to the `tasks` of two containers in turn, so that each write moves the client),
 * or `sync` (append a line to a file of its own in the folder ROOT, and fdatasync it). The containers are made before,
 * and removed after. Prints `deeds N`, `elapsedUs N`, and `medianNs N` and `p99Ns N` of single deeds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { most_clients = 64, most_deeds = 1 << 20, path_bytes = 4096 };

struct account {
  long deeds;
  uint32_t ns[most_deeds];
};

static const char *root;
static int first_client;
static struct account *accounts;

static void fail(const char *what) {
  fprintf(stderr, "fsClients: %s: %s\n", what, strerror(errno));
  kill(0, SIGTERM);
  _exit(1);
}

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* Of this program only, whoever else runs it. */
static void container_path(char *path, int client, int which, const char *file) {
  snprintf(path, path_bytes, "%s/bench%d-%d%s", root, first_client + client, which, file);
}

static void read_tasks(const char *path) {
  char text[4096];
  int fd = open(path, O_RDONLY);
  if (fd < 0) fail(path);
  if (read(fd, text, sizeof text) < 0) fail("read");
  close(fd);
}

static void write_tasks(const char *path, const char *pid) {
  int fd = open(path, O_WRONLY | O_TRUNC);
  if (fd < 0) fail(path);
  if (write(fd, pid, strlen(pid)) < 0) fail("write");
  close(fd);
}

static void append_line(int fd) {
  static const char line[] = "as many bytes as a batch of events has, more or less, in the log....\n";
  if (write(fd, line, sizeof line - 1) < 0 || fdatasync(fd)) fail("fdatasync");
}

static void work(const char *deed, int client, int64_t end_ns) {
  char paths[2][path_bytes], pid[16];
  struct account *account = &accounts[client];
  snprintf(pid, sizeof pid, "%d\n", getpid());
  for (int i = 0; i < 2; i++) container_path(paths[i], client, i, "/tasks");
  int fd = -1;
  if (strcmp(deed, "sync") == 0) {
    container_path(paths[0], client, 0, "");
    fd = open(paths[0], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    if (fd < 0) fail(paths[0]);
  } else {
    write_tasks(paths[0], pid);
  }
  for (int64_t start = now_ns(); start < end_ns && account->deeds < most_deeds;) {
    switch (deed[0]) {
      case 'r': read_tasks(paths[0]); break;
      case 'w': write_tasks(paths[0], pid); break;
      case 'm': write_tasks(paths[(account->deeds + 1) % 2], pid); break;
      default: append_line(fd);
    }
    int64_t end = now_ns();
    account->ns[account->deeds++] = end - start;
    start = end;
  }
  if (fd >= 0) unlink(paths[0]);
}

static int by_size(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

int main(int count, char **arguments) {
  if (count != 5) {
    fprintf(stderr, "Usage: fsClients ROOT read|write|move|sync CLIENTS MILLISECONDS\n");
    return 2;
  }
  root = arguments[1];
  const char *deed = arguments[2];
  int clients = atoi(arguments[3]);
  if (clients < 1 || clients > most_clients) return 2;
  first_client = getpid() * most_clients;
  setpgid(0, 0);
  accounts = mmap(NULL, clients * sizeof *accounts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (accounts == MAP_FAILED) fail("mmap");
  char path[path_bytes];
  int makes = strcmp(deed, "sync") != 0;
  for (int i = 0; makes && i < clients * 2; i++) {
    container_path(path, i / 2, i % 2, "");
    if (mkdir(path, 0755) && errno != EEXIST) fail(path);
  }
  int64_t start = now_ns(), end = start + atoll(arguments[4]) * 1000000;
  for (int i = 0; i < clients; i++) {
    if (fork() == 0) {
      work(deed, i, end);
      _exit(0);
    }
  }
  for (int status; wait(&status) > 0;) {
    if (status) return 1;
  }
  int64_t elapsed = now_ns() - start;
  for (int i = 0; makes && i < clients * 2; i++) {
    container_path(path, i / 2, i % 2, "");
    if (rmdir(path) && errno != ENOSYS) fail(path);
  }
  long deeds = 0;
  for (int i = 0; i < clients; i++) deeds += accounts[i].deeds;
  uint32_t *all = malloc(deeds * sizeof *all), *at = all;
  for (int i = 0; i < clients; at += accounts[i++].deeds) {
    memcpy(at, accounts[i].ns, accounts[i].deeds * sizeof *all);
  }
  qsort(all, deeds, sizeof *all, by_size);
  printf("deeds %ld\nelapsedUs %ld\nmedianNs %u\np99Ns %u\n", deeds, (long)(elapsed / 1000), all[deeds / 2],
         all[(long)(deeds * 0.99)]);
  return 0;
}
