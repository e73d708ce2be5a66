/**
 * A probe in a daemon: asked by a signal, it has everything collected that nobody uses and tells what remains. It comes
 * into the daemon's process through an option of Node's, so that what is measured is the program as it is shipped.
 */
import { readFileSync, rmSync } from 'node:fs';
import { until } from '../oracle/until.ts';

/** What one process has of memory. */
export interface Memory {
  /** In use by JavaScript after a collection, with its buffers; the view of the ring is one. */
  readonly heapBytes: number;
  /** All that the process has to itself: without files, and without the ring, which it shares with the kernel. */
  readonly ownBytes: number;
}

const signal = 'SIGUSR2';
const limitMs = 20_000;

export class MemoryProbe {
  readonly #path: string;

  /** Answers through a file of this path. */
  constructor(path: string) {
    this.#path = path;
  }

  /** What Node is to be started with. */
  get nodeOptions(): readonly string[] {
    const code = `
      import { renameSync, writeFileSync } from 'node:fs';
      process.on('${signal}', () => {
        gc();
        gc();
        const { heapUsed, external } = process.memoryUsage();
        writeFileSync('${this.#path}.new', String(heapUsed + external));
        renameSync('${this.#path}.new', '${this.#path}');
      });`;
    return ['--expose-gc', '--import', `data:text/javascript,${encodeURIComponent(code)}`];
  }

  /** Asks the daemon with this pid, which must have begun. */
  async measure(pid: number): Promise<Memory> {
    rmSync(this.#path, { force: true });
    process.kill(pid, signal);
    let heapBytes = Number.NaN;
    const isAnswered = (): boolean => {
      heapBytes = numberIn(this.#path);
      return !Number.isNaN(heapBytes);
    };
    await until('the daemon to tell of its memory', isAnswered, limitMs);
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const ownBytes = Number(/^RssAnon:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
    return { heapBytes, ownBytes };
  }
}

/** NaN where there is none yet. */
function numberIn(path: string): number {
  try {
    return Number(readFileSync(path, 'latin1'));
  } catch {
    // It has not been asked, or has not answered: who waits goes on.
    return Number.NaN;
  }
}
