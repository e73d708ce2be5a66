/**
 * A release agent that keeps account of its own runs, whoever starts it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class CountingAgent {
  /** Of the program. */
  readonly path: string;
  readonly #runsFile: string;

  /** Makes it in a folder that is there. */
  constructor(folder: string) {
    this.path = join(folder, 'agent');
    this.#runsFile = join(folder, 'runs');
    writeFileSync(this.#runsFile, '');
    writeFileSync(this.path, `#!/bin/sh\necho "$1" >> ${this.#runsFile}\n`, { mode: 0o755 });
  }

  /** The paths that it was run for, once for each run. */
  runs(): string[] {
    return readFileSync(this.#runsFile, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  }
}
