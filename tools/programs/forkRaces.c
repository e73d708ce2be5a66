/*
 * forkRaces: forks inside of a container, and at once reads its `tasks` file, which has to list all that have been made
 * by then and none that has been reaped.
 *
 * Usage: forkRaces TASKS TIMES
 *
 * It puts itself into the container whose `tasks` file is TASKS. Each time, a child reads the file itself, and then
 * becomes `cat TASKS`, whose own output has to list it; a thread reads it too. Prints `asked N` and `missed N`: how many
 * answers there were, and how many were wrong; and what was wrong with the first few, to stderr.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { text_bytes = 1 << 16, told_limit = 5 };

static const char *tasks;
/* Shared with the children. */
static struct {
  long asked, missed;
} *counted;

static void fail(const char *what) {
  fprintf(stderr, "forkRaces: %s: %s\n", what, strerror(errno));
  _exit(255);
}

static void read_all(int fd, char *text) {
  ssize_t length = 0, got;
  while ((got = read(fd, text + length, text_bytes - 1 - length)) > 0) length += got;
  if (got < 0) fail("read");
  text[length] = 0;
}

static int lists(const char *text, pid_t pid) {
  char line[16];
  int length = snprintf(line, sizeof line, "%d\n", pid);
  for (const char *at = text; (at = strstr(at, line)); at += length) {
    if (at == text || at[-1] == '\n') return 1;
  }
  return 0;
}

static void expect(const char *text, pid_t pid, int listed, const char *what) {
  counted->asked++;
  if (lists(text, pid) == listed) return;
  if (counted->missed++ < told_limit) fprintf(stderr, "%s: %d is %slisted\n", what, pid, listed ? "not " : "");
}

static void look(pid_t pid, int listed, const char *what) {
  char text[text_bytes];
  int fd = open(tasks, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(tasks);
  read_all(fd, text);
  close(fd);
  expect(text, pid, listed, what);
  if (pid != getpid()) expect(text, getpid(), 1, "the asking process");
}

static void *look_at_self(void *unused) {
  look(syscall(SYS_gettid), 1, "a new thread asks for itself");
  return unused;
}

static void child(int output) {
  look(getpid(), 1, "a forked child asks for itself");
  look(getppid(), 1, "a forked child asks for its parent");
  dup2(output, STDOUT_FILENO);
  execlp("cat", "cat", tasks, (char *)NULL);
  fail("cat");
}

static void round_of_races(void) {
  int ends[2];
  char text[text_bytes];
  if (pipe2(ends, O_CLOEXEC)) fail("pipe");
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) child(ends[1]);
  look(pid, 1, "a parent asks for its child");
  close(ends[1]);
  read_all(ends[0], text);
  close(ends[0]);
  expect(text, pid, 1, "cat lists itself");
  expect(text, getpid(), 1, "cat lists its parent");
  if (waitpid(pid, NULL, 0) != pid) fail("waitpid");
  look(pid, 0, "a parent asks for a child that it has reaped");
  pthread_t thread;
  if ((errno = pthread_create(&thread, NULL, look_at_self, NULL))) fail("pthread_create");
  pthread_join(thread, NULL);
}

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "Usage: forkRaces TASKS TIMES\n");
    return 2;
  }
  tasks = arguments[1];
  counted = mmap(NULL, sizeof *counted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (counted == MAP_FAILED) fail("mmap");
  int fd = open(tasks, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "0", 1) != 1) fail(tasks);
  close(fd);
  for (long left = atol(arguments[2]); left > 0; left--) round_of_races();
  printf("asked %ld\nmissed %ld\n", counted->asked, counted->missed);
  return 0;
}
