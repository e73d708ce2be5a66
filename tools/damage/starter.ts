/**
 * Starts recorders on damaged recordings, in a process of their own: LevelDB ends it on some damage.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Questions } from './answers.ts';

export interface Start {
  readonly folder: string;
  readonly questions: Questions;
}

export type Outcome =
  | {
      readonly kind: 'begun';
      /** Something is set aside. */
      readonly isSetAside: boolean;
      readonly answers: readonly (readonly [question: string, answer: string])[];
    }
  /** It says in a sentence why it does not begin. */
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string }
  /** The process has ended. */
  | { readonly kind: 'died'; readonly why: string };

const program = fileURLToPath(new URL('./recorder.ts', import.meta.url));

export class Starter {
  #child: ChildProcess | undefined;

  async start(start: Start): Promise<Outcome> {
    this.#child ??= fork(program, {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const child = this.#child;
    const ended = new AbortController();
    const { signal } = ended;
    try {
      child.send(start);
      return await Promise.race([
        once(child, 'message', { signal }).then(([outcome]): Outcome => outcome),
        once(child, 'exit', { signal }).then(([code, name]): Outcome => {
          this.#child = undefined;
          return { kind: 'died', why: `the process ends with ${name ?? code}` };
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
