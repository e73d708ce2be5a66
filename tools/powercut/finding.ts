/**
 * What a process finds that opens an image: in another one, for LevelDB ends the process on some files that no sync
 * would leave.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Head } from '../../src/ports.ts';

export type Finding =
  | { readonly kind: 'opened'; readonly head: Head; readonly events: number; readonly digest: string }
  /** It says that it is not sound, and does not open. */
  | { readonly kind: 'refused'; readonly why: string }
  /** It does not open for another reason, or the process died of it. */
  | { readonly kind: 'failed'; readonly why: string };

const program = fileURLToPath(new URL('./opener.ts', import.meta.url));

export class Finder {
  #child: ChildProcess | undefined;

  async find(folder: string): Promise<Finding> {
    this.#child ??= fork(program, {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const child = this.#child;
    const ended = new AbortController();
    const { signal } = ended;
    try {
      child.send(folder);
      return await Promise.race([
        once(child, 'message', { signal }).then(([finding]): Finding => finding),
        once(child, 'exit', { signal }).then(([code, name]): Finding => {
          this.#child = undefined;
          return { kind: 'failed', why: `the process that opens it ends with ${name ?? code}` };
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
