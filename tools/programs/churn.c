/*
 * churn: makes, renames and removes groups of two cgroup hierarchies, a v1 and a v2 one, and moves tasks among them as
 * fast as it can: itself, threads, children and whole processes, while some of them fork as fast as they can.
 *
 * Usage: churn SEED WORKERS STORMERS V1 V2
 *
 * V1 and V2 are directories of groups that are the churn's own; it makes groups below them and moves itself there.
 * It begins at once, and says `going` when it is in full swing. A line `rest` on its stdin has it stop: then nothing
 * is done any more, but its tasks live on where they are, and it says `resting`. A line `go` has it go on. When its
 * stdin ends it ends all of its tasks; its last lines are what it has counted, a word and a number each.
 *
 * Only moves, groups and births that the kernel has not refused are counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  group_count = 20,
  /* Each group has this many groups in it, so that the last ones lie three deep. */
  group_fan = 3,
  threaded_count = 3,
  path_bytes = 2048,
  long_name_length = 200,
  children_count = 12,
  child_threads = 3,
  swing_moves = 50,
  nap_us = 1000,
};

/* One of the two hierarchies. Only in v1 can a group be renamed and a single thread be moved anywhere. */
struct tree {
  const char *top;
  int is_v1;
  /* What name each group has; nobody locks it, so a name may be out of date when it is used. */
  atomic_uint *versions;
};

static struct {
  atomic_int is_ending, is_resting, at_rest;
  atomic_uint versions[2][group_count];
  atomic_long moves, made, removed, renamed, forks, threads, into, execs;
} *shared;

static struct tree trees[2];
static struct tree *const v1 = &trees[0];
static struct tree *const v2 = &trees[1];

static __thread unsigned seed;

static void fail(const char *what) {
  fprintf(stderr, "churn: %s: %s\n", what, strerror(errno));
  _exit(255);
}

static int below(int limit) { return rand_r(&seed) / 7 % limit; }

static int one_in(int number) { return below(number) == 0; }

/* The names are of all kinds: with separators of the files that tell them, not in ASCII, and long. */
static int write_name(char *to, int group, unsigned version) {
  if (group % 6 == 5) return sprintf(to, "group %d: \"gr\xc3\xbc\xdf\" \\%u", group, version);
  int length = sprintf(to, "g%d.%u", group, version);
  if (group % 6 != 4) return length;
  memset(to + length, 'x', long_name_length - length);
  return long_name_length;
}

/* The path of a group, of which the first lies in the top; returns its length. */
static int write_path_of_version(char *to, const struct tree *tree, int group, unsigned version);

static int write_path(char *to, const struct tree *tree, int group) {
  return write_path_of_version(to, tree, group, tree->versions[group]);
}

static int write_path_of_version(char *to, const struct tree *tree, int group, unsigned version) {
  int parent = group / group_fan - 1;
  int length = parent < 0 ? sprintf(to, "%s", tree->top) : write_path(to, tree, parent);
  to[length++] = '/';
  length += write_name(to + length, group, version);
  to[length] = 0;
  return length;
}

/* The path of a file of a group taken at random; now and then the group is the top. */
static void write_file_path(char *to, const struct tree *tree, const char *file) {
  int length = one_in(8) ? sprintf(to, "%s", tree->top) : write_path(to, tree, below(group_count));
  sprintf(to + length, "/%s", file);
}

static void write_threaded_path(char *to, const char *file) {
  sprintf(to, "%s/threads/t%d/%s", v2->top, below(threaded_count), file);
}

/* Writes a pid into a file of a group; 0 is the writer. */
static void move(const char *file, pid_t pid) {
  int fd = open(file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (dprintf(fd, "%d", pid) > 0) shared->moves++;
  close(fd);
}

/* One of the pids that a file of a group lists, or 0. */
static pid_t member_of(const char *file) {
  char text[4096];
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return 0;
  text[length] = 0;
  pid_t member = 0;
  int seen = 0;
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
    if (one_in(++seen)) member = atoi(line);
  return member;
}

static struct tree *any_tree(void) { return &trees[below(2)]; }

/* In v1 a process is moved by one file, and a thread of it by another. */
static const char *any_file(const struct tree *tree) {
  return tree->is_v1 && one_in(2) ? "tasks" : "cgroup.procs";
}

/* Moves the caller, with or without the other threads of its process. */
static void move_self(void) {
  char path[path_bytes];
  struct tree *tree = any_tree();
  write_file_path(path, tree, any_file(tree));
  move(path, 0);
}

/* Moves whoever is found in one group to another: a worker, a stormer, a child, or a thread of one of them. */
static void move_other(void) {
  char from[path_bytes], to[path_bytes];
  struct tree *tree = any_tree();
  const char *file = any_file(tree);
  write_file_path(from, tree, file);
  write_file_path(to, tree, file);
  pid_t member = member_of(from);
  if (member > 0) move(to, member);
}

static void move_threaded(void) {
  char from[path_bytes], to[path_bytes];
  write_threaded_path(from, "cgroup.threads");
  write_threaded_path(to, "cgroup.threads");
  pid_t member = member_of(from);
  if (member > 0) move(to, member);
}

static void make_group(void) {
  char path[path_bytes];
  struct tree *tree = any_tree();
  int group = below(group_count);
  unsigned version = below(1000);
  char now[path_bytes];
  write_path(now, tree, group);
  if (access(now, F_OK) == 0) return;
  write_path_of_version(path, tree, group, version);
  if (mkdir(path, 0755) != 0) return;
  tree->versions[group] = version;
  shared->made++;
}

static void rename_group(void) {
  char from[path_bytes], to[path_bytes];
  int group = below(group_count);
  unsigned version = below(1000);
  write_path(from, v1, group);
  write_path_of_version(to, v1, group, version);
  if (rename(from, to) != 0) return;
  v1->versions[group] = version;
  shared->renamed++;
}

/* Moves everybody out of a group, one by one, and removes it. */
static void remove_group(void) {
  char path[path_bytes], file[path_bytes + 16], top[path_bytes];
  struct tree *tree = any_tree();
  write_path(path, tree, below(group_count));
  sprintf(file, "%s/cgroup.procs", path);
  sprintf(top, "%s/cgroup.procs", tree->top);
  for (int i = 0; i < 64; i++) {
    pid_t member = member_of(file);
    if (member == 0) break;
    move(top, member);
  }
  if (rmdir(path) == 0) shared->removed++;
}

static _Noreturn void stand(void) {
  for (;;) pause();
}

/* A task that does not outlive its parent; a thread does not get this from who starts it. */
static void end_with_parent(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() == 1) _exit(255);
}

static void reap(pid_t pid) {
  while (waitpid(pid, NULL, 0) != pid)
    if (errno != EINTR) fail("waitpid");
}

/* Forks a process that ends with its parent; now and then right into a group of v2. */
static pid_t fork_any(void) {
  unsigned next = rand_r(&seed);
  pid_t pid = -1;
  if (one_in(3)) {
    char path[path_bytes];
    write_file_path(path, v2, "");
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct clone_args arguments = {
        .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)fd};
    if (fd >= 0) pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (fd >= 0) close(fd);
    if (pid > 0) shared->into++;
  }
  if (pid < 0) pid = fork();
  if (pid > 0) shared->forks++;
  if (pid == 0) {
    end_with_parent();
    seed = next;
  }
  return pid;
}

/* Returns whether there is a new thread, which is given what its random choices begin with. */
static int start_thread(pthread_t *thread, void *(*body)(void *)) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 128 * 1024);
  int error = pthread_create(thread, &attributes, body, (void *)(uintptr_t)rand_r(&seed));
  pthread_attr_destroy(&attributes);
  if (error == 0) shared->threads++;
  return error == 0;
}

/* A thread's own link: that of its process is gone where the leader has ended. */
static void exec_stand(void) {
  shared->execs++;
  execl("/proc/thread-self/exe", "churn", "stand", (char *)NULL);
  fail("exec");
}

static void *child_thread(void *first) {
  seed = (uintptr_t)first;
  if (one_in(2)) move_self();
  if (one_in(2)) {
    char path[path_bytes];
    write_threaded_path(path, "cgroup.threads");
    move(path, 0);
  }
  if (one_in(4)) exec_stand();
  if (one_in(3)) return NULL;
  stand();
}

/* A child's life: it makes threads, moves, and ends or stands until it is killed. */
static _Noreturn void live_as_child(void) {
  if (one_in(3)) {
    char path[path_bytes];
    sprintf(path, "%s/threads/cgroup.procs", v2->top);
    move(path, 0);
  }
  pthread_t thread;
  for (int i = below(child_threads + 1); i > 0; i--) start_thread(&thread, child_thread);
  if (one_in(3)) move_self();
  if (one_in(4)) _exit(below(256));
  /* Its threads live on without their leader. */
  if (one_in(10)) pthread_exit(NULL);
  stand();
}

static pid_t children[children_count];

static void replace(pid_t *child) {
  if (*child > 0) {
    kill(*child, SIGKILL);
    reap(*child);
  }
  *child = fork_any();
  if (*child == 0) live_as_child();
}

static void replace_child(void) { replace(&children[below(children_count)]); }

/* Nobody moves these any more while the worker rests: of many of them their births alone tell where they are. */
static void replace_children(void) {
  for (int i = 0; i < children_count; i++) replace(&children[i]);
}

/* The worker's children are moved by it, as long as they have not ended. */
static void move_child(void) {
  pid_t child = children[below(children_count)];
  if (child <= 0) return;
  char path[path_bytes];
  struct tree *tree = any_tree();
  write_file_path(path, tree, any_file(tree));
  move(path, child);
}

static void *fork_in_thread(void *first) {
  seed = (uintptr_t)first;
  move_self();
  pid_t pid = fork_any();
  if (pid == 0) _exit(0);
  if (pid > 0) reap(pid);
  return NULL;
}

static void make_thread(void) {
  pthread_t thread;
  if (start_thread(&thread, fork_in_thread)) pthread_join(thread, NULL);
}

static void (*const deeds[])(void) = {
    make_group, make_group, rename_group, remove_group, move_self,     move_self,   move_other,    move_other,
    move_other, move_child, move_child,   move_child,   move_threaded, make_thread, replace_child, replace_child,
};

static void work(void) { deeds[below(sizeof deeds / sizeof *deeds)](); }

static void *end_thread(void *unused) { return unused; }

static void storm(void) {
  pthread_t thread;
  if (one_in(4) && start_thread(&thread, end_thread)) pthread_join(thread, NULL);
  pid_t pid = fork_any();
  if (pid == 0) _exit(0);
  if (pid > 0) reap(pid);
}

static void do_nothing(void) {}

/* Does one thing after another, and rests when that is asked for, until the end. */
static _Noreturn void keep_doing(void (*thing)(void), void (*finish)(void)) {
  while (!shared->is_ending) {
    if (!shared->is_resting) {
      thing();
      continue;
    }
    finish();
    shared->at_rest++;
    while (shared->is_resting && !shared->is_ending) usleep(nap_us);
    shared->at_rest--;
  }
  for (int i = 0; i < children_count; i++)
    if (children[i] > 0) kill(children[i], SIGKILL);
  while (wait(NULL) > 0) continue;
  _exit(0);
}

static void say(const char *word) {
  printf("%s\n", word);
  fflush(stdout);
}

/* Waits for a condition that others bring about; one of them may have failed instead. */
static void await(atomic_int *number, int value) {
  while (*number != value) {
    if (waitpid(-1, NULL, WNOHANG) > 0) {
      fprintf(stderr, "churn: a worker has ended\n");
      exit(1);
    }
    usleep(nap_us);
  }
}

/* A threaded sub-tree of v2, where single threads can be moved (cgroups(7)). */
static void make_threaded_groups(void) {
  char path[path_bytes];
  sprintf(path, "%s/threads", v2->top);
  if (mkdir(path, 0755) != 0) fail(path);
  for (int i = 0; i < threaded_count; i++) {
    sprintf(path, "%s/threads/t%d", v2->top, i);
    if (mkdir(path, 0755) != 0) fail(path);
    strcat(path, "/cgroup.type");
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "threaded", 8) != 8) fail(path);
    close(fd);
  }
  shared->made += 1 + threaded_count;
}

static void enter(const struct tree *tree) {
  char path[path_bytes];
  sprintf(path, "%s/cgroup.procs", tree->top);
  long before = shared->moves;
  move(path, 0);
  if (shared->moves == before) fail(path);
}

static void obey(int doers) {
  char line[16];
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (strcmp(line, "rest\n") == 0) {
      shared->is_resting = 1;
      await(&shared->at_rest, doers);
      say("resting");
    } else if (strcmp(line, "go\n") == 0) {
      shared->is_resting = 0;
      await(&shared->at_rest, 0);
    }
  }
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "stand") == 0) {
    end_with_parent();
    stand();
  }
  if (argc != 6) {
    fprintf(stderr, "usage: churn SEED WORKERS STORMERS V1 V2\n");
    return 2;
  }
  unsigned first = strtoul(argv[1], NULL, 10);
  int workers = atoi(argv[2]);
  int stormers = atoi(argv[3]);
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail("mmap");
  trees[0] = (struct tree){.top = argv[4], .is_v1 = 1, .versions = shared->versions[0]};
  trees[1] = (struct tree){.top = argv[5], .is_v1 = 0, .versions = shared->versions[1]};
  end_with_parent();
  enter(v1);
  enter(v2);
  make_threaded_groups();

  for (int i = 0; i < workers + stormers; i++) {
    pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid > 0) continue;
    end_with_parent();
    seed = first * 1000 + i;
    if (i < workers)
      keep_doing(work, replace_children);
    else
      keep_doing(storm, do_nothing);
  }
  shared->forks += workers + stormers;

  while (shared->moves < swing_moves) usleep(nap_us);
  say("going");
  obey(workers + stormers);
  shared->is_ending = 1;
  while (wait(NULL) > 0) continue;
  printf("moves %ld\nmade %ld\nremoved %ld\nrenamed %ld\nforks %ld\nthreads %ld\ninto %ld\nexecs %ld\n",
         shared->moves, shared->made, shared->removed, shared->renamed, shared->forks, shared->threads,
         shared->into, shared->execs);
  return 0;
}
