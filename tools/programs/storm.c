/*
 * storm: makes and ends tasks as fast as it can, in many ways at once, and counts every one of them, so that another
 * account can be held against its own.
 *
 * Usage: storm SECONDS WORKERS STANDING [rate=RATE] [DEED…]
 *
 * WORKERS processes do one deed after another, taken at random from those named (all of them if none is), each of them
 * RATE a second where that is given; meanwhile STANDING processes do nothing. Then it says `standing PID` for each task that still lives, itself among them, and
 * `ready`, and ends when its stdin does. Its last lines are what it counted, a word and a number each.
 *
 * The k-th process that a task forks ends with the exit code k mod 256, unless a signal or an exec ends it: by that
 * a reader of the other account sees whether it has taken one task for another.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { crowd_threads = 3, max_standing = 1000 };

/* What all processes of the storm have counted together. An exit is counted by whoever has seen that it is over. */
static struct {
  atomic_long deeds, forks, threads, execs, exits, kills, orphans, again;
} *counted;

/* How many processes this task has forked. */
static __thread unsigned forked;

static void fail(const char *what) {
  fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
  _exit(255);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

/* Of this process and of all that it has reaped, user and kernel together. */
static double cpu_seconds(void) {
  struct rusage own, reaped;
  getrusage(RUSAGE_SELF, &own);
  getrusage(RUSAGE_CHILDREN, &reaped);
  return own.ru_utime.tv_sec + own.ru_stime.tv_sec + reaped.ru_utime.tv_sec + reaped.ru_stime.tv_sec +
         (own.ru_utime.tv_usec + own.ru_stime.tv_usec + reaped.ru_utime.tv_usec + reaped.ru_stime.tv_usec) / 1e6;
}

/* Forks the next numbered process; in it, `*number` is the code that it has to end with. */
static pid_t fork_next(unsigned *number) {
  *number = (forked + 1) & 0xff;
  pid_t pid = fork();
  if (pid < 0) return pid;
  if (pid == 0) {
    forked = 0;
    return 0;
  }
  forked++;
  counted->forks++;
  return pid;
}

static void count_fork(pid_t pid) {
  if (pid < 0) fail("vfork");
  forked++;
  counted->forks++;
}

static void reap(pid_t pid) {
  while (waitpid(pid, NULL, 0) != pid)
    if (errno != EINTR) fail("waitpid");
  counted->exits++;
}

static void start_thread(pthread_t *thread, void *(*body)(void *), void *argument) {
  /* Counted first: it may be the end of whoever starts it. */
  counted->threads++;
  if ((errno = pthread_create(thread, NULL, body, argument)) != 0) fail("pthread_create");
}

static void join(pthread_t thread) {
  if ((errno = pthread_join(thread, NULL)) != 0) fail("pthread_join");
  counted->exits++;
}

/* Runs this program anew, as one that ends with this code at once. */
static void exec_end(unsigned code) {
  char text[16];
  snprintf(text, sizeof text, "%u", code);
  execl("/proc/self/exe", "storm", "end", text, (char *)NULL);
  fail("exec");
}

static _Noreturn void *stand(void *unused) {
  (void)unused;
  for (;;) pause();
}

static void do_fork(void) {
  unsigned number;
  pid_t pid = fork_next(&number);
  if (pid == 0) _exit(number);
  if (pid > 0) reap(pid);
}

static void do_vfork(void) {
  unsigned number = (forked + 1) & 0xff;
  pid_t pid = vfork();
  if (pid == 0) _exit(number);
  count_fork(pid);
  reap(pid);
}

static void do_exec(void) {
  char number[16];
  snprintf(number, sizeof number, "%u", (forked + 1) & 0xff);
  pid_t pid = vfork();
  if (pid == 0) {
    execl("/proc/self/exe", "storm", "end", number, (char *)NULL);
    _exit(255);
  }
  count_fork(pid);
  reap(pid);
  counted->execs++;
}

static void *end_thread(void *unused) { return unused; }

static void do_thread(void) {
  pthread_t thread;
  start_thread(&thread, end_thread, NULL);
  join(thread);
}

/* A grandchild that outlives its parent: the storm's first process inherits and reaps it. */
static void do_orphan(void) {
  unsigned number, grand;
  pid_t pid = fork_next(&number);
  if (pid == 0) {
    pid_t grandchild = fork_next(&grand);
    if (grandchild == 0) _exit(grand);
    if (grandchild > 0) counted->orphans++;
    _exit(number);
  }
  if (pid > 0) reap(pid);
}

/* A process that ends with all of its threads at once. */
static void do_crowd(void) {
  unsigned number;
  pid_t pid = fork_next(&number);
  if (pid == 0) {
    pthread_t thread;
    for (int i = 0; i < crowd_threads; i++) start_thread(&thread, stand, NULL);
    _exit(number);
  }
  if (pid < 0) return;
  reap(pid);
  counted->exits += crowd_threads;
}

static void do_kill(void) {
  unsigned number;
  pid_t pid = fork_next(&number);
  if (pid == 0) stand(NULL);
  if (pid < 0) return;
  kill(pid, SIGKILL);
  reap(pid);
  counted->kills++;
}

static void *fork_in_thread(void *unused) {
  do_fork();
  do_fork();
  return unused;
}

static void do_thread_fork(void) {
  pthread_t thread;
  start_thread(&thread, fork_in_thread, NULL);
  join(thread);
}

static void *exec_in_thread(void *code) {
  exec_end(*(unsigned *)code);
  return NULL;
}

/* A thread that is not the leader executes a program, and takes the place of its leader. */
static void do_thread_exec(void) {
  unsigned number;
  pid_t pid = fork_next(&number);
  if (pid == 0) {
    pthread_t thread;
    start_thread(&thread, exec_in_thread, &number);
    stand(NULL);
  }
  if (pid < 0) return;
  reap(pid);
  counted->exits++;
  counted->execs++;
}

/* The next process gets the pid of the last one, unless somebody else is quicker. */
static void do_again(void) {
  static int last_pid_file = -1;
  static pid_t last;
  if (last_pid_file < 0) last_pid_file = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
  if (last_pid_file < 0) fail("/proc/sys/kernel/ns_last_pid");
  if (last > 0) {
    char text[16];
    int length = snprintf(text, sizeof text, "%d", last - 1);
    if (pwrite(last_pid_file, text, length, 0) != length) fail("writing ns_last_pid");
  }
  unsigned number;
  pid_t pid = fork_next(&number);
  if (pid == 0) _exit(number);
  if (pid < 0) return;
  if (pid == last) counted->again++;
  last = pid;
  reap(pid);
}

static const struct deed {
  const char *name;
  void (*act)(void);
} deeds[] = {
    {"fork", do_fork},
    {"vfork", do_vfork},
    {"exec", do_exec},
    {"thread", do_thread},
    {"orphan", do_orphan},
    {"crowd", do_crowd},
    {"kill", do_kill},
    {"thread-fork", do_thread_fork},
    {"thread-exec", do_thread_exec},
    {"again", do_again},
};
enum { deed_count = sizeof deeds / sizeof *deeds };

static const struct deed *deed_named(const char *name) {
  for (int i = 0; i < deed_count; i++)
    if (strcmp(deeds[i].name, name) == 0) return &deeds[i];
  fprintf(stderr, "storm: there is no deed %s\n", name);
  exit(2);
}

static void sleep_until(double time) {
  struct timespec until = {.tv_sec = (time_t)time, .tv_nsec = (long)((time - (time_t)time) * 1e9)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) continue;
}

/* At a rate of 0 as fast as it can; else whoever is late catches up. */
static void work(const struct deed *const *chosen, int count, double seconds, double rate, unsigned seed) {
  double start = now();
  for (long done = 1; now() < start + seconds; done++) {
    chosen[count == 1 ? 0 : rand_r(&seed) % count]->act();
    counted->deeds++;
    if (rate > 0) sleep_until(start + done / rate);
  }
}

/* Says that all which is left is standing, and waits until the reader has seen it. */
static void await_reader(const pid_t *standing, int count) {
  char byte;
  for (int i = 0; i < count; i++) printf("standing %d\n", standing[i]);
  printf("standing %d\nready\n", getpid());
  fflush(stdout);
  while (read(0, &byte, 1) > 0) continue;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "end") == 0) _exit(atoi(argv[2]));
  if (argc < 4) {
    fprintf(stderr, "usage: storm SECONDS WORKERS STANDING [rate=RATE] [DEED…]\n");
    return 2;
  }
  double seconds = atof(argv[1]);
  int workers = atoi(argv[2]);
  int standing_count = atoi(argv[3]);
  if (standing_count > max_standing) standing_count = max_standing;

  int first_deed = 4;
  double rate = 0;
  if (argc > 4 && strncmp(argv[4], "rate=", 5) == 0) rate = atof(argv[first_deed++] + 5);

  const struct deed *chosen[deed_count];
  int count = 0;
  for (int i = first_deed; i < argc && count < deed_count; i++) chosen[count++] = deed_named(argv[i]);
  /* The last one writes to a setting of the machine, and is done only when it is asked for. */
  if (count == 0)
    for (; count < deed_count - 1; count++) chosen[count] = &deeds[count];

  counted = mmap(NULL, sizeof *counted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (counted == MAP_FAILED) fail("mmap");
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) fail("prctl");

  unsigned number;
  pid_t standing[max_standing];
  for (int i = 0; i < standing_count; i++) {
    standing[i] = fork_next(&number);
    if (standing[i] == 0) stand(NULL);
    if (standing[i] < 0) fail("fork");
  }

  double start = now();
  int working = 0;
  pid_t worker[workers];
  for (; working < workers; working++) {
    worker[working] = fork_next(&number);
    if (worker[working] < 0) fail("fork");
    if (worker[working] > 0) continue;
    work(chosen, count, seconds, rate, working + 1);
    _exit(number);
  }
  long orphans = 0;
  while (working > 0 || orphans < counted->orphans) {
    pid_t pid = waitpid(-1, NULL, 0);
    if (pid < 0) fail("waitpid");
    counted->exits++;
    int is_worker = 0;
    for (int i = 0; i < workers; i++) is_worker |= worker[i] == pid;
    if (is_worker) working--;
    else orphans++;
  }
  double elapsed = now() - start;
  double cpu = cpu_seconds();

  await_reader(standing, standing_count);
  for (int i = 0; i < standing_count; i++) {
    kill(standing[i], SIGKILL);
    counted->kills++;
  }
  while (waitpid(-1, NULL, 0) > 0) counted->exits++;
  printf("elapsedUs %.0f\ncpuUs %.0f\ndeeds %ld\n", elapsed * 1e6, cpu * 1e6, counted->deeds);
  printf("forks %ld\nthreads %ld\nexecs %ld\nexits %ld\nkills %ld\nagain %ld\n", counted->forks, counted->threads,
         counted->execs, counted->exits, counted->kills, counted->again);
  return 0;
}
