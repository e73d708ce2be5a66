/**
 * A program of ours in a process of its own, that answers one question after the other by messages: for questions that may
 * end the process, as LevelDB does on some damage. Whoever asks next has a new one then.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

export class AskedProcess<Question extends object | string, Answer> {
  readonly #program: string;
  /** What is answered for a process that has ended; `how` is its signal or its exit code. */
  readonly #endedWith: (how: string) => Answer;
  #child: ChildProcess | undefined;

  constructor(program: string, endedWith: (how: string) => Answer) {
    this.#program = program;
    this.#endedWith = endedWith;
  }

  async ask(question: Question): Promise<Answer> {
    this.#child ??= fork(this.#program, {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const child = this.#child;
    const ended = new AbortController();
    const { signal } = ended;
    try {
      child.send(question);
      return await Promise.race([
        once(child, 'message', { signal }).then(([answer]): Answer => answer),
        once(child, 'exit', { signal }).then(([code, name]): Answer => {
          this.#child = undefined;
          return this.#endedWith(String(name ?? code));
        }),
      ]);
    } finally {
      ended.abort();
    }
  }

  close(): void {
    this.#child?.disconnect();
    this.#child = undefined;
  }
}
