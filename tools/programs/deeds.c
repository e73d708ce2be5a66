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
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
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

/* into FOLDER: a child that is born into the group of this folder, of the v2 hierarchy. */
static int do_into(char **arguments) {
  struct clone_args how = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
  int folder = open(arguments[0], O_RDONLY | O_DIRECTORY);
  if (folder < 0) fail(arguments[0]);
  how.cgroup = (unsigned)folder;
  pid_t child = (pid_t)syscall(SYS_clone3, &how, sizeof how);
  if (child == 0) _exit(0);
  if (child < 0) fail("clone3");
  await(child);
  say("fork %d\n", child);
  return 0;
}

/* move FILE: a thread writes its own pid into the file; then it, and after that the whole process, forks. */
static void *move_itself(void *file) {
  char pid[16];
  int group = open(file, O_WRONLY);
  if (group < 0) fail(file);
  int length = snprintf(pid, sizeof pid, "%d", own_tid());
  if (write(group, pid, (size_t)length) != length) fail(file);
  close(group);
  say("thread %d\n", own_tid());
  pid_t child = fork();
  if (child == 0) _exit(0);
  await(child);
  say("of-thread %d\n", child);
  return NULL;
}

static int do_move(char **arguments) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, move_itself, arguments[0])) fail("pthread_create");
  pthread_join(thread, NULL);
  pid_t child = fork();
  if (child == 0) _exit(0);
  await(child);
  say("of-leader %d\n", child);
  return 0;
}

/* groups FOLDER COUNT: makes this many folders in it, as fast as it can. */
static int do_groups(char **arguments) {
  char path[4096];
  for (int i = 0; i < atoi(arguments[1]); i++) {
    snprintf(path, sizeof path, "%s/%d", arguments[0], i);
    if (mkdir(path, 0755)) fail(path);
  }
  return 0;
}

/* swap ONE OTHER: gives what is called ONE the name OTHER and back again, every millisecond, until stdin ends. */
static int do_swap(char **arguments) {
  char nothing;
  if (fcntl(0, F_SETFL, O_NONBLOCK)) fail("fcntl");
  while (read(0, &nothing, 1) != 0) {
    if (rename(arguments[0], arguments[1])) fail(arguments[0]);
    usleep(1000);
    if (rename(arguments[1], arguments[0])) fail(arguments[1]);
    usleep(1000);
  }
  return 0;
}

static void touch(size_t bytes) {
  char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  for (size_t i = 0; i < bytes; i += 4096) memory[i] = 1;
}

static void *work(void *milliseconds) {
  struct timespec used;
  do clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < *(long *)milliseconds);
  return NULL;
}

/* use MILLISECONDS BYTES: a child with a second thread, of which both work for so long, and which has so much memory. */
static int do_use(char **arguments) {
  struct rusage used;
  long milliseconds = atol(arguments[0]);
  pid_t child = fork();
  if (child == 0) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, &milliseconds)) fail("pthread_create");
    touch((size_t)atol(arguments[1]));
    pthread_join(thread, NULL);
    work(&milliseconds);
    _exit(0);
  }
  if (wait4(child, NULL, 0, &used) != child) fail("wait4");
  long cpu = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
  say("fork %d\ncpu-us %ld\npeak-kib %ld\n", child, cpu, used.ru_maxrss);
  return 0;
}

/* eat FILE BYTES: a child that puts itself into the group whose file of pids this is, and takes so much memory. */
static int do_eat(char **arguments) {
  pid_t child = fork();
  if (child == 0) {
    int group = open(arguments[0], O_WRONLY);
    if (group < 0 || write(group, "0", 1) != 1) fail(arguments[0]);
    touch((size_t)atol(arguments[1]));
    _exit(0);
  }
  await(child);
  say("fork %d\n", child);
  return 0;
}

static const struct {
  const char *name;
  int arguments;
  int (*run)(char **arguments);
} deeds[] = {
    {"eat", 2, do_eat},
    {"exec", 1, do_exec},
    {"exec-by-thread", 1, do_exec_by_thread},
    {"failing-exec", 1, do_failing_exec},
    {"fork", 1, do_fork},
    {"groups", 2, do_groups},
    {"hold", 1, do_hold},
    {"into", 1, do_into},
    {"kill", 1, do_kill},
    {"move", 1, do_move},
    {"rename", 1, do_rename},
    {"rename-other", 1, do_rename_other},
    {"ring", 0, do_ring},
    {"sibling", 0, do_sibling},
    {"storm", 2, do_storm},
    {"swap", 2, do_swap},
    {"thread", 0, do_thread},
    {"use", 2, do_use},
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
