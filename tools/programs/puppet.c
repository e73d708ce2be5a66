/*
 * puppet: a task on strings. Every thread of every process of this program connects to one control socket and does
 * what it is told there, one deed at a time, so that whoever holds the other end has real tasks to act through:
 * their pids, users and places in the kernel's own cgroups are what the kernel says they are.
 *
 * Usage: puppet CONTROL-SOCKET
 *
 * A connection begins with `hello TID TGID REAL EFFECTIVE SAVED GROUP`. A deed is a line of words; paths, texts,
 * requests and what is read are in hexadecimal, with `-` for an empty one. The answer is `ERRNO VALUE`, with errno 0
 * for success; VALUE is what the system call returned, for a write 1 once the file is open, and for a deed that reads
 * the bytes. The deeds stand in the tables at the end. A thread whose connection ends takes its process with it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { line_bytes = 1 << 17, stack_bytes = 1 << 20, max_words = 6 };

/* What a deed comes to. A task that is reborn (a child after its fork) needs a connection of its own. */
struct outcome {
  int error;
  long value;
  int reborn;
};

static char *program, *control;

static void fail(const char *what) {
  fprintf(stderr, "puppet: %s: %s\n", what, strerror(errno));
  _exit(1);
}

/* Of a system call's result, as it comes from the C library. */
static struct outcome result(long value) {
  return value < 0 ? (struct outcome){.error = errno} : (struct outcome){.value = value};
}

static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail(path);
  return fd;
}

static void write_whole(int fd, const char *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t written = write(fd, bytes + done, length - done);
    if (written < 0) fail("write");
    done += written;
  }
}

/* Makes bytes of the hexadecimal text, in its own place; they end in a zero that does not count. */
static size_t decode(char *hex) {
  size_t length = 0;
  for (char *at = hex; at[0] && at[0] != '-'; at += 2) {
    char pair[3] = {at[0], at[1], 0};
    hex[length++] = strtol(pair, NULL, 16);
  }
  hex[length] = 0;
  return length;
}

static struct outcome do_mkdir(char **words) {
  decode(words[1]);
  umask(strtol(words[3], NULL, 8));
  return result(mkdir(words[1], strtol(words[2], NULL, 8)));
}

static struct outcome do_rmdir(char **words) {
  decode(words[1]);
  return result(rmdir(words[1]));
}

static struct outcome do_rename(char **words) {
  decode(words[1]);
  decode(words[2]);
  return result(rename(words[1], words[2]));
}

static struct outcome do_write(char **words) {
  decode(words[1]);
  size_t length = decode(words[2]);
  int fd = open(words[1], O_WRONLY | O_CLOEXEC);
  if (fd < 0) return result(fd);
  struct outcome outcome = result(write(fd, words[2], length));
  outcome.value = 1;
  close(fd);
  return outcome;
}

static struct outcome do_chown(char **words) {
  decode(words[1]);
  return result(chown(words[1], atoi(words[2]), atoi(words[3])));
}

static struct outcome do_chmod(char **words) {
  decode(words[1]);
  return result(chmod(words[1], strtol(words[2], NULL, 8)));
}

/* as UID GID [GROUP,…]: whom this thread acts as; its real and saved ids stay, so that it can be itself again. */
static struct outcome do_as(char **words) {
  gid_t groups[32];
  int count = 0;
  for (char *at = words[3]; at && count < 32; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
    groups[count++] = atoi(at);
  }
  if (syscall(SYS_setresuid, -1, 0, -1) || syscall(SYS_setgroups, count, groups)) return result(-1);
  if (syscall(SYS_setresgid, -1, atoi(words[2]), -1)) return result(-1);
  return result(syscall(SYS_setresuid, -1, atoi(words[1]), -1));
}

static struct outcome do_cd(char **words) {
  decode(words[1]);
  return result(chdir(words[1]));
}

/* hold FD PATH r|w|a: opens a file as a shell does for <, > and >>. */
static struct outcome do_hold(char **words) {
  decode(words[2]);
  int flags = *words[3] == 'r' ? O_RDONLY : *words[3] == 'w' ? O_WRONLY | O_TRUNC : O_WRONLY | O_APPEND;
  int fd = open(words[2], flags | O_CLOEXEC);
  if (fd < 0) return result(fd);
  int held = dup3(fd, atoi(words[1]), O_CLOEXEC);
  close(fd);
  return result(held);
}

static struct outcome do_drop(char **words) { return result(close(atoi(words[1]))); }

static struct outcome do_put(char **words) {
  size_t length = decode(words[2]);
  return result(write(atoi(words[1]), words[2], length));
}

/* putat FD TEXT OFFSET */
static struct outcome do_putat(char **words) {
  size_t length = decode(words[2]);
  return result(pwrite(atoi(words[1]), words[2], length, atol(words[3])));
}

/* seek FD OFFSET */
static struct outcome do_seek(char **words) { return result(lseek(atoi(words[1]), atol(words[2]), SEEK_SET)); }

/* make PATH file|fifo|symlink|link: what no container can hold; a link is one to another path. */
static struct outcome do_make(char **words) {
  decode(words[1]);
  if (strcmp(words[2], "fifo") == 0) return result(mkfifo(words[1], 0644));
  if (strcmp(words[2], "symlink") == 0) return result(symlink("x", words[1]));
  if (strcmp(words[2], "link") == 0) return decode(words[3]), result(link(words[3], words[1]));
  int fd = open(words[1], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd >= 0) close(fd);
  return result(fd);
}

static struct outcome do_unlink(char **words) {
  decode(words[1]);
  return result(unlink(words[1]));
}

static struct outcome do_exchange(char **words) {
  decode(words[1]);
  decode(words[2]);
  return result(renameat2(AT_FDCWD, words[1], AT_FDCWD, words[2], RENAME_EXCHANGE));
}

static struct outcome do_fork(char **unused) {
  (void)unused;
  pid_t child = fork();
  return child == 0 ? (struct outcome){.reborn = 1} : result(child);
}

static struct outcome do_exec(char **unused) {
  (void)unused;
  execl(program, program, control, (char *)NULL);
  return result(-1);
}

static struct outcome do_vfork(char **unused) {
  (void)unused;
  pid_t child = vfork();
  if (child == 0) {
    execl(program, program, control, (char *)NULL);
    _exit(127);
  }
  return result(child);
}

static void *serve(void *unused);

static struct outcome do_thread(char **unused) {
  (void)unused;
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  errno = pthread_create(&thread, &attributes, serve, NULL);
  return result(errno ? -1 : 0);
}

/* A child and a grandchild that are gone before anybody can look. */
static struct outcome do_flash(char **unused) {
  (void)unused;
  pid_t child = fork();
  if (child == 0) {
    pid_t grandchild = fork();
    if (grandchild == 0) _exit(0);
    waitpid(grandchild, NULL, 0);
    _exit(0);
  }
  return result(child < 0 ? child : waitpid(child, NULL, 0));
}

/* Ends this thread alone, be it the leader or not. The C library's own call would end more. */
static struct outcome do_exit(char **words) { return result(syscall(SYS_exit, atoi(words[1]))); }

static struct outcome do_exit_group(char **words) { return result(syscall(SYS_exit_group, atoi(words[1]))); }

static struct outcome do_kill(char **words) { return result(kill(atoi(words[1]), SIGKILL)); }

static struct outcome do_reap(char **words) { return result(waitpid(atoi(words[1]), NULL, 0)); }

/* From now on orphans among the descendants become this process's children. */
static struct outcome do_adopt(char **unused) {
  (void)unused;
  return result(prctl(PR_SET_CHILD_SUBREAPER, 1));
}

/* The ids of this thread alone: the C library's own calls would change those of all threads. */
static struct outcome do_user(char **words) {
  int group = atoi(words[4]);
  if (syscall(SYS_setresgid, group, group, group)) return result(-1);
  return result(syscall(SYS_setresuid, atoi(words[1]), atoi(words[2]), atoi(words[3])));
}

static const struct {
  const char *name;
  struct outcome (*perform)(char **words);
} deeds[] = {
    {"mkdir", do_mkdir},   {"rmdir", do_rmdir},  {"rename", do_rename}, {"write", do_write},
    {"chown", do_chown},   {"chmod", do_chmod},  {"fork", do_fork},     {"vfork", do_vfork},
    {"thread", do_thread}, {"exec", do_exec},    {"exit", do_exit},     {"flash", do_flash},
    {"kill", do_kill},     {"reap", do_reap},    {"adopt", do_adopt},   {"user", do_user},
    {"exit_group", do_exit_group},               {"as", do_as},         {"cd", do_cd},
    {"hold", do_hold},     {"drop", do_drop},    {"put", do_put},       {"putat", do_putat},
    {"seek", do_seek},     {"make", do_make},    {"unlink", do_unlink}, {"exchange", do_exchange},
};

static struct outcome perform(char **words) {
  for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
    if (strcmp(words[0], deeds[i].name) == 0) return deeds[i].perform(words);
  }
  errno = ENOSYS;
  return result(-1);
}

/* ask SOCKET REQUEST: connects anew, so that the other side sees who asks now; reads all that it sends. */
static ssize_t read_answer(char **words, char *bytes, size_t room) {
  decode(words[1]);
  size_t request_bytes = decode(words[2]), length = 0;
  int fd = connect_to(words[1]);
  write_whole(fd, words[2], request_bytes);
  for (ssize_t got; (got = read(fd, bytes + length, room - length)) != 0; length += got) {
    if (got < 0) fail("read");
  }
  close(fd);
  return length;
}

/* read PATH: opens a file and reads it to its end. */
static ssize_t read_file(char **words, char *bytes, size_t room) {
  decode(words[1]);
  int fd = open(words[1], O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fd;
  ssize_t length = 0, got;
  while ((got = read(fd, bytes + length, room - length)) > 0) length += got;
  if (got < 0) length = got;
  int error = errno;
  close(fd);
  errno = error;
  return length;
}

/* get FD SIZE: one read from a file that is held. */
static ssize_t read_held(char **words, char *bytes, size_t room) {
  size_t size = atol(words[2]);
  return read(atoi(words[1]), bytes, size < room ? size : room);
}

/* list PATH: the names in a directory, each with a NUL behind it. */
static ssize_t read_names(char **words, char *bytes, size_t room) {
  decode(words[1]);
  DIR *directory = opendir(words[1]);
  if (!directory) return -1;
  size_t length = 0;
  for (struct dirent *entry; (entry = readdir(directory)) && length + sizeof entry->d_name < room;) {
    length += stpcpy(bytes + length, entry->d_name) - (bytes + length) + 1;
  }
  closedir(directory);
  return length;
}

/* stat PATH: mode, uid, gid, how many names lead to it, and its size. */
static ssize_t read_attributes(char **words, char *bytes, size_t room) {
  struct stat status;
  decode(words[1]);
  if (stat(words[1], &status)) return -1;
  return snprintf(bytes, room, "%o %d:%d %ld %ld", status.st_mode, status.st_uid, status.st_gid,
                  (long)status.st_nlink, (long)status.st_size);
}

static const struct {
  const char *name;
  ssize_t (*read)(char **words, char *bytes, size_t room);
} readings[] = {
    {"ask", read_answer}, {"read", read_file}, {"list", read_names}, {"stat", read_attributes}, {"get", read_held},
};

/* Answers a deed that reads; whether it is one. */
static int tell_reading(int control_fd, char **words) {
  static _Thread_local char bytes[line_bytes / 2 - 16], answer[line_bytes];
  for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
    if (strcmp(words[0], readings[i].name)) continue;
    ssize_t length = readings[i].read(words, bytes, sizeof bytes);
    int told = snprintf(answer, sizeof answer, "%d ", length < 0 ? errno : 0);
    for (ssize_t j = 0; j < length; j++) told += sprintf(answer + told, "%02x", (unsigned char)bytes[j]);
    if (length <= 0) answer[told++] = '-';
    answer[told++] = '\n';
    write_whole(control_fd, answer, told);
    return 1;
  }
  return 0;
}

static int join(void) {
  char hello[128];
  uid_t real, effective, saved;
  getresuid(&real, &effective, &saved);
  int fd = connect_to(control);
  int length = snprintf(hello, sizeof hello, "hello %ld %d %d %d %d %d\n", syscall(SYS_gettid), getpid(), real,
                        effective, saved, getegid());
  write_whole(fd, hello, length);
  return fd;
}

/* Reads one line into `line`, without its end. */
static void read_line(int fd, char *line) {
  size_t length = 0;
  do {
    if (length == line_bytes - 1) fail("a line without an end");
    ssize_t got = read(fd, line + length, line_bytes - 1 - length);
    if (got <= 0) _exit(0);
    length += got;
  } while (line[length - 1] != '\n');
  line[length - 1] = 0;
}

static void *serve(void *unused) {
  char line[line_bytes], answer[64];
  int fd = join();
  for (;;) {
    char *words[max_words] = {0}, *rest = line;
    read_line(fd, line);
    for (int i = 0; i < max_words && (words[i] = strsep(&rest, " ")); i++) continue;
    if (tell_reading(fd, words)) continue;
    struct outcome outcome = perform(words);
    if (outcome.reborn) {
      /* The connections of all threads of the parent came along. */
      close_range(3, ~0U, 0);
      fd = join();
      continue;
    }
    write_whole(fd, answer, snprintf(answer, sizeof answer, "%d %ld\n", outcome.error, outcome.value));
  }
  return unused;
}

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "Usage: puppet CONTROL-SOCKET\n");
    return 2;
  }
  program = arguments[0];
  control = arguments[1];
  serve(NULL);
}
