/**
 * A shell that a test types into, as a person would at a terminal: one command after the other, and Ctrl-C. Everything
 * it prints comes back as one stream.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/** Printed behind a command, before its exit code and a newline. No command prints this character. */
const mark = '\x1d';

export class Shell {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  #printed = '';
  #noticed = (): void => {};

  constructor(folder: string, env: Readonly<Record<string, string | undefined>>, program = 'sh') {
    // A session of its own, so that Ctrl-C and the end reach all that was started in it, and nobody else.
    const stdio: ['pipe', 'pipe', 'inherit'] = ['pipe', 'pipe', 'inherit'];
    this.#process = spawn(program, [], { cwd: folder, env, detached: true, stdio });
    this.#process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#printed += text;
      this.#noticed();
    });
    // What it starts can be interrupted, and the shell itself goes on, as at a terminal.
    this.#process.stdin.write("exec 2>&1; trap ':' INT\n");
  }

  /** Everything that the command has printed so far. */
  get printed(): string {
    return this.#printed.split(mark)[0] ?? '';
  }

  /** The command's exit code; undefined while it goes on. */
  get exitCode(): number | undefined {
    const code = /\x1d(\d+)\n/.exec(this.#printed)?.[1];
    return code === undefined ? undefined : Number(code);
  }

  /** Types a command. What the one before has printed is forgotten. */
  type(command: string): void {
    this.#printed = '';
    this.#process.stdin.write(`${command}\nprintf '\\035%s\\n' $?\n`);
  }

  /** Types a command that itself reads what is typed next. It has to have begun by then. */
  enter(command: string): void {
    this.#printed = '';
    this.#process.stdin.write(`${command}\n`);
  }

  /** Presses Ctrl-C. What the command has printed up to now is forgotten. */
  interrupt(): void {
    this.#printed = '';
    process.kill(-this.#pid, 'SIGINT');
  }

  /** Resolves with true as soon as the condition holds, and with false when it does not within `limitMs`. */
  async until(condition: () => boolean, limitMs: number): Promise<boolean> {
    if (condition()) return true;
    return new Promise<boolean>((resolve) => {
      const settle = (result: boolean): void => {
        clearTimeout(timer);
        this.#noticed = () => {};
        resolve(result);
      };
      const timer = setTimeout(() => settle(false), limitMs);
      this.#noticed = () => {
        if (condition()) settle(true);
      };
    });
  }

  /** Ends the shell, and whatever it has started and not waited for. */
  close(): void {
    try {
      process.kill(-this.#pid, 'SIGKILL');
    } catch (error) {
      // Where nothing is left, all has ended.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }

  get #pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error('there is no shell: it cannot be started');
    return pid;
  }
}
