/*
 * deeds: does one thing to itself and says on stdout what it did, so that a test can compare what a source saw.
 *
 * A line is a word and numbers: `fork CHILD`, `thread TID`, … A task that stands still while its line is written is
 * described by a line `stat PID TGID TEXT`, where TEXT is its file /proc/PID/task/PID/stat.
 *
 * Usage: deeds NAME [ARGUMENT…]; the names stand in the table at the end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { stack_bytes = 65536 };

static pid_t own_tid(void) { return (pid_t)syscall(SYS_gettid); }

static void fail(const char *what) {
  fprintf(stderr, "deeds: %s: %s\n", what, strerror(errno));
  _exit(1);
}

/* Lines are written whole, by write(2): whoever writes may be a child that shares stdout or memory. */
static void say(const char *format, ...) {
  char line[4096];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (write(1, line, length) != length) fail("write");
}

static void say_stat(pid_t pid, pid_t tgid) {
  char path[64], text[2048];
  snprintf(path, sizeof path, "/proc/%d/task/%d/stat", tgid, pid);
  int file = open(path, O_RDONLY);
  if (file < 0) fail(path);
  ssize_t length = read(file, text, sizeof text - 1);
  if (length < 0) fail(path);
  text[length] = 0;
  close(file);
  say("stat %d %d %s", pid, tgid, text);
}

static void await(pid_t pid) {
  if (waitpid(pid, NULL, 0) != pid) fail("waitpid");
}

static void *stack(void) {
  char *bottom = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (bottom == MAP_FAILED) fail("mmap");
  return bottom + stack_bytes;
}

/* fork CODE: a child that describes itself and exits with this code. */
static int do_fork(char **arguments) {
  pid_t child = fork();
  if (child == 0) {
    say_stat(getpid(), getpid());
    _exit(atoi(arguments[0]));
  }
  await(child);
  say("fork %d\n", child);
  return 0;
}

/* kill SIGNAL: a child that dies of this signal. */
static int do_kill(char **arguments) {
  pid_t child = fork();
  if (child == 0) {
    kill(getpid(), atoi(arguments[0]));
    pause();
  }
  await(child);
  say("fork %d\n", child);
  return 0;
}

/* vfork PROGRAM: a child of vfork(2) that executes the program. */
static int do_vfork(char **arguments) {
  pid_t child = vfork();
  if (child == 0) {
    execl(arguments[0], arguments[0], (char *)NULL);
    _exit(127);
  }
  await(child);
  say("fork %d\n", child);
  return 0;
}

static void *describe_itself(void *unused) {
  say("thread %d\n", own_tid());
  say_stat(own_tid(), getpid());
  return unused;
}

/* thread: a thread that describes itself and ends. */
static int do_thread(char **unused) {
  (void)unused;
  pthread_t thread;
  if (pthread_create(&thread, NULL, describe_itself, NULL)) fail("pthread_create");
  pthread_join(thread, NULL);
  return 0;
}

static int end(void *unused) {
  (void)unused;
  return 0;
}

static void *fork_sibling(void *unused) {
  pid_t child = clone(end, stack(), CLONE_PARENT | SIGCHLD, NULL);
  if (child < 0) fail("clone");
  say("caller %d\nfork %d\n", own_tid(), child);
  return unused;
}

/* sibling: a thread that is not the leader forks with CLONE_PARENT, so that its child's parent is its own parent. */
static int do_sibling(char **unused) {
  (void)unused;
  pid_t forker = fork();
  if (forker == 0) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, fork_sibling, NULL)) fail("pthread_create");
    pthread_join(thread, NULL);
    _exit(0);
  }
  while (wait(NULL) > 0) continue;
  return 0;
}

static void *execute(void *program) {
  say("caller %d\nleader %d\n", own_tid(), getpid());
  execl(program, program, (char *)NULL);
  fail("execl");
  return NULL;
}

/* exec-by-thread PROGRAM: a thread that is not the leader executes the program. */
static int do_exec_by_thread(char **arguments) {
  pthread_t thread;
  say_stat(getpid(), getpid());
  if (pthread_create(&thread, NULL, execute, arguments[0])) fail("pthread_create");
  pause();
  return 1;
}

/* exec PROGRAM ARGUMENT…: executes the program. */
static int do_exec(char **arguments) {
  execv(arguments[0], arguments);
  fail("execv");
  return 1;
}

/* failing-exec PROGRAM: tries to execute what cannot be, and lives on. */
static int do_failing_exec(char **arguments) {
  if (execl(arguments[0], arguments[0], (char *)NULL) == 0) return 1;
  say("failed %d\n", errno);
  return 0;
}

/* rename NAME: takes on the name itself. */
static int do_rename(char **arguments) {
  if (prctl(PR_SET_NAME, arguments[0])) fail("prctl");
  say_stat(getpid(), getpid());
  return 0;
}

static volatile pid_t waiting_tid;

static void *wait_for_ever(void *unused) {
  waiting_tid = own_tid();
  pause();
  return unused;
}

/* rename-other NAME: gives the name to another of its threads. */
static int do_rename_other(char **arguments) {
  pthread_t thread;
  char path[64];
  if (pthread_create(&thread, NULL, wait_for_ever, NULL)) fail("pthread_create");
  while (waiting_tid == 0) sched_yield();
  snprintf(path, sizeof path, "/proc/self/task/%d/comm", waiting_tid);
  int file = open(path, O_WRONLY);
  if (file < 0) fail(path);
  if (write(file, arguments[0], strlen(arguments[0])) < 0) fail(path);
  say("thread %d\n", waiting_tid);
  return 0;
}

/* users REAL EFFECTIVE SAVED: changes its users. */
static int do_users(char **arguments) {
  if (setresuid(atoi(arguments[0]), atoi(arguments[1]), atoi(arguments[2]))) fail("setresuid");
  return 0;
}

/* users-exec REAL EFFECTIVE SAVED PROGRAM: changes its users and executes the program. */
static int do_users_exec(char **arguments) {
  do_users(arguments);
  return do_exec(arguments + 3);
}

/* ring: has the kernel make a thread for it, as io_uring does for a queue that it polls. */
static int do_ring(char **unused) {
  (void)unused;
  struct io_uring_params parameters = {.flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 1};
  int ring = (int)syscall(SYS_io_uring_setup, 1, &parameters);
  if (ring < 0) {
    say("refused %d\n", errno);
    return 0;
  }
  close(ring);
  return 0;
}

/* hold THREADS: has this many further threads, a child and a zombie, says so, and stays until stdin ends. */
static int do_hold(char **arguments) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  pid_t zombie = fork();
  if (zombie == 0) _exit(0);
  pid_t child = fork();
  if (child == 0) {
    char nothing;
    while (read(0, &nothing, 1) > 0) continue;
    _exit(0);
  }
  for (int i = 0; i < atoi(arguments[0]); i++) {
    waiting_tid = 0;
    if (pthread_create(&thread, &attributes, wait_for_ever, NULL)) fail("pthread_create");
    while (waiting_tid == 0) sched_yield();
    say("thread %d\n", waiting_tid);
  }
  siginfo_t information;
  if (waitid(P_PID, zombie, &information, WEXITED | WNOWAIT)) fail("waitid");
  say("zombie %d\nfork %d\nready 0\n", zombie, child);
  char nothing;
  while (read(0, &nothing, 1) > 0) continue;
  return 0;
}

/* storm FORKS THREADS: makes this many children and threads, one after the other, as fast as it can. */
static int do_storm(char **arguments) {
  static int running;
  void *own_stack = stack();
  const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
  for (int i = 0; i < atoi(arguments[0]); i++) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    await(child);
  }
  for (int i = 0; i < atoi(arguments[1]); i++) {
    __atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
    if (clone(end, own_stack, flags, NULL, NULL, NULL, &running) < 0) fail("clone");
    while (__atomic_load_n(&running, __ATOMIC_SEQ_CST)) syscall(SYS_futex, &running, FUTEX_WAIT, 1, NULL, NULL, 0);
  }
  return 0;
}

static const struct {
  const char *name;
  int arguments;
  int (*run)(char **arguments);
} deeds[] = {
    {"exec", 1, do_exec},
    {"exec-by-thread", 1, do_exec_by_thread},
    {"failing-exec", 1, do_failing_exec},
    {"fork", 1, do_fork},
    {"hold", 1, do_hold},
    {"kill", 1, do_kill},
    {"rename", 1, do_rename},
    {"rename-other", 1, do_rename_other},
    {"ring", 0, do_ring},
    {"sibling", 0, do_sibling},
    {"storm", 2, do_storm},
    {"thread", 0, do_thread},
    {"users", 3, do_users},
    {"users-exec", 4, do_users_exec},
    {"vfork", 1, do_vfork},
};

int main(int count, char **arguments) {
  for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
    if (count < 2 || strcmp(deeds[i].name, arguments[1])) continue;
    if (count - 2 < deeds[i].arguments) break;
    return deeds[i].run(arguments + 2);
  }
  fprintf(stderr, "usage: deeds NAME [ARGUMENT...]; see the head of deeds.c\n");
  return 2;
}
