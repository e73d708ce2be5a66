/*
 * takeover: lets threads take over their leaders' pids while those are being moved, one process after another.
 *
 * Usage: takeover COUNT FILE
 *
 * COUNT times it forks a process of which a thread executes a program that ends at once, and writes the process's pid
 * to FILE, the list of tasks of a v1 group, again and again until there is no such task.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

enum { longest_wait_us = 300, reap_every = 8 };

static void fail(const char *what) {
  perror(what);
  _exit(255);
}

static void *exec_end(void *wait_us) {
  usleep((uintptr_t)wait_us);
  execl("/proc/thread-self/exe", "takeover", "end", (char *)NULL);
  fail("exec");
  return NULL;
}

static _Noreturn void live(unsigned wait_us) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pthread_t thread;
  if ((errno = pthread_create(&thread, NULL, exec_end, (void *)(uintptr_t)wait_us)) != 0) fail("pthread_create");
  for (;;) pause();
}

/* Moves the process until it has ended; it is reaped now and then, or its pid could be moved for ever. */
static void move_until_gone(pid_t pid, int tasks) {
  char text[16];
  int length = sprintf(text, "%d", pid);
  for (int moves = 1; pwrite(tasks, text, length, 0) > 0; moves++)
    if (moves % reap_every == 0 && waitpid(pid, NULL, WNOHANG) == pid) return;
  if (errno != ESRCH) fail("moving");
  waitpid(pid, NULL, 0);
}

int main(int argc, char **argv) {
  if (argc == 2) return 0;
  if (argc != 3) {
    fprintf(stderr, "usage: takeover COUNT FILE\n");
    return 2;
  }
  int tasks = open(argv[2], O_WRONLY | O_CLOEXEC);
  if (tasks < 0) fail(argv[2]);
  for (int i = atoi(argv[1]); i > 0; i--) {
    pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) live((unsigned)i * 37 % longest_wait_us);
    move_until_gone(pid, tasks);
  }
  return 0;
}
