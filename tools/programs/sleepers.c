/*
 * sleepers: processes that sleep, for as long as somebody wants them.
 *
 * Usage: sleepers COUNT
 *
 * Forks COUNT processes, writes a line when they all sleep, and ends them all when its standard input ends.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: sleepers COUNT\n");
    return 2;
  }
  setpgid(0, 0);
  for (int i = atoi(argv[1]); i > 0; i--) {
    pid_t pid = fork();
    if (pid < 0) {
      perror("fork");
      kill(0, SIGKILL);
    }
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) pause();
    }
  }
  puts("asleep");
  fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
  signal(SIGTERM, SIG_IGN);
  kill(0, SIGTERM);
  while (wait(NULL) > 0) continue;
  return 0;
}
