/*
 * drain: changes what tasks there are, and at once asks the recorder about it. By the time of the question the change
 * has happened, so an answer that does not know of it is wrong.
 *
 * Usage: drain SOCKET CONTAINER CASE TIMES
 *
 * Asks over HTTP on the unix socket SOCKET; this process is in CONTAINER, so all of its tasks have to be. The cases
 * stand in the table at the end. Ends by saying `asked N` and `wrong N`; the first wrong answers are on stderr.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { shown_limit = 3, answer_bytes = 1 << 20 };

static const char *socket_path, *container;
/* One connection is enough for all tasks: whoever does not ask waits for the one who does. */
static int connection;
static long asked, wrong;
static char answer[answer_bytes];

static void fail(const char *what) {
  fprintf(stderr, "drain: %s: %s\n", what, strerror(errno));
  _exit(255);
}

static pid_t own_tid(void) { return (pid_t)syscall(SYS_gettid); }

static void open_connection(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
  connection = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address) != 0) fail(socket_path);
}

/* Asks and waits; returns the answer's status, and leaves its body in `answer`. */
static int get(const char *target) {
  char request[512];
  int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: tasktrail\r\n\r\n", target);
  if (write(connection, request, length) != length) fail("asking");
  size_t have = 0;
  for (;;) {
    ssize_t got = read(connection, answer + have, sizeof answer - 1 - have);
    if (got == 0) errno = ECONNRESET;
    if (got <= 0) fail("reading an answer");
    have += got;
    answer[have] = 0;
    char *body = strstr(answer, "\r\n\r\n");
    if (body == NULL) continue;
    char *size = strcasestr(answer, "\r\ncontent-length:");
    if (size == NULL || size > body) fail("an answer without a length");
    body += 4;
    size_t body_bytes = strtoul(size + strlen("\r\ncontent-length:"), NULL, 10);
    if (answer + have < body + body_bytes) continue;
    int status = atoi(answer + strlen("HTTP/1.1 "));
    memmove(answer, body, body_bytes + 1);
    return status;
  }
}

/* Counts the answer, and says whether it was right. */
static int judge(const char *question, pid_t pid, int right) {
  asked++;
  if (right) return 1;
  if (wrong++ < shown_limit) fprintf(stderr, "%s %d: %s", question, pid, answer);
  return 0;
}

/* Is this task known to be in the container? */
static int is_inside(const char *who, pid_t pid) {
  char target[64], expected[512];
  snprintf(target, sizeof target, "/v1/path?pid=%d", pid);
  snprintf(expected, sizeof expected, "\"path\":\"%s\"", container);
  int status = get(target);
  return judge(who, pid, status == 200 && strstr(answer, expected) != NULL);
}

/* Is this task known to be over? */
static int is_over(const char *who, pid_t pid) {
  char target[64];
  snprintf(target, sizeof target, "/v1/path?pid=%d", pid);
  int status = get(target);
  return judge(who, pid, status == 404 && strstr(answer, "\"errno\":\"ESRCH\"") != NULL);
}

/* Is this task known to run the program that it runs? */
static int is_called(const char *who, pid_t pid, const char *comm) {
  char target[512], expected[64];
  snprintf(target, sizeof target, "/v1/tasks?path=%s", container);
  int status = get(target);
  snprintf(expected, sizeof expected, "\"pid\":%d,", pid);
  const char *task = status == 200 ? strstr(answer, expected) : NULL;
  const char *end = task == NULL ? NULL : strchr(task, '}');
  snprintf(expected, sizeof expected, "\"comm\":\"%s\"", comm);
  const char *name = task == NULL ? NULL : strstr(task, expected);
  return judge(who, pid, name != NULL && name < end);
}

/* A child that has asked ends with 0 when the answer was right; its question is counted here. */
static void reap_judge(pid_t pid) {
  int status;
  if (waitpid(pid, &status, 0) != pid) fail("waitpid");
  if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) fail("a child");
  asked++;
  wrong += WEXITSTATUS(status);
}

static void reap(pid_t pid) {
  if (waitpid(pid, NULL, 0) != pid) fail("waitpid");
}

/* The parent asks for the child that it has forked. */
static void fork_parent(void) {
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0)
    for (;;) pause();
  is_inside("forked", pid);
  kill(pid, SIGKILL);
  reap(pid);
}

/* The child asks for itself. */
static void fork_child(void) {
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) _exit(is_inside("a child", getpid()) ? 0 : 1);
  reap_judge(pid);
}

/* The child asks for itself, in its parent's memory: the parent stands still meanwhile. */
static void vfork_child(void) {
  pid_t pid = vfork();
  if (pid == 0) {
    is_inside("a vforked child", getpid());
    _exit(0);
  }
  if (pid < 0) fail("vfork");
  reap(pid);
}

/* Its thread id while the thread stands; 0 lets it end. */
static pid_t standing_tid;

static void change_standing(pid_t tid) {
  __atomic_store_n(&standing_tid, tid, __ATOMIC_RELEASE);
  syscall(SYS_futex, &standing_tid, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Waits until it is no longer this; returns what it is then. */
static pid_t await_change(pid_t tid) {
  for (;;) {
    pid_t now = __atomic_load_n(&standing_tid, __ATOMIC_ACQUIRE);
    if (now != tid) return now;
    syscall(SYS_futex, &standing_tid, FUTEX_WAIT, tid, NULL, NULL, 0);
  }
}

static void *stand(void *unused) {
  pid_t tid = own_tid();
  change_standing(tid);
  await_change(tid);
  return unused;
}

static pid_t start_standing(pthread_t *thread) {
  standing_tid = 0;
  if ((errno = pthread_create(thread, NULL, stand, NULL)) != 0) fail("pthread_create");
  return await_change(0);
}

static void end_standing(pthread_t thread) {
  change_standing(0);
  pthread_join(thread, NULL);
}

/* The thread that has made another asks for it. */
static void thread_parent(void) {
  pthread_t thread;
  is_inside("a thread", start_standing(&thread));
  end_standing(thread);
}

static void *ask_self(void *unused) {
  is_inside("a thread", own_tid());
  return unused;
}

/* A new thread asks for itself. */
static void thread_self(void) {
  pthread_t thread;
  if ((errno = pthread_create(&thread, NULL, ask_self, NULL)) != 0) fail("pthread_create");
  pthread_join(thread, NULL);
}

/* A program that has just been started asks what its task is called. */
static void exec_self(void) {
  char connected[16];
  snprintf(connected, sizeof connected, "%d", connection);
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    execl("/proc/self/exe", "drain", "executed", connected, container, (char *)NULL);
    fail("exec");
  }
  reap_judge(pid);
}

/* Asks until the recorder knows of the task, so that it has something to forget. */
static void await_known(pid_t pid) {
  char target[64];
  snprintf(target, sizeof target, "/v1/path?pid=%d", pid);
  while (get(target) != 200) continue;
}

/* A process that has been waited for is over. */
static void exit_process(void) {
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0)
    for (;;) pause();
  await_known(pid);
  kill(pid, SIGKILL);
  reap(pid);
  is_over("a child that was reaped", pid);
}

/* A thread that has been joined is over. */
static void exit_thread(void) {
  pthread_t thread;
  pid_t tid = start_standing(&thread);
  await_known(tid);
  end_standing(thread);
  is_over("a thread that was joined", tid);
}

static const struct {
  const char *name;
  void (*act)(void);
} cases[] = {
    {"fork-parent", fork_parent},
    {"fork-child", fork_child},
    {"vfork-child", vfork_child},
    {"thread-parent", thread_parent},
    {"thread-self", thread_self},
    {"exec-self", exec_self},
    {"exit-process", exit_process},
    {"exit-thread", exit_thread},
};

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "executed") == 0) {
    connection = atoi(argv[2]);
    container = argv[3];
    /* The kernel names a task after the last part of the path that was executed: /proc/self/exe. */
    return is_called("a program", getpid(), "exe") ? 0 : 1;
  }
  if (argc != 5) {
    fprintf(stderr, "usage: drain SOCKET CONTAINER CASE TIMES\n");
    return 2;
  }
  socket_path = argv[1];
  container = argv[2];
  open_connection();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (strcmp(cases[i].name, argv[3]) != 0) continue;
    for (long left = atol(argv[4]); left > 0; left--) cases[i].act();
    printf("asked %ld\nwrong %ld\n", asked, wrong);
    return 0;
  }
  fprintf(stderr, "drain: there is no case %s\n", argv[3]);
  return 2;
}
