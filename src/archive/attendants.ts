/**
 * The attendants: the archivist and the archive, who have the log open on threads of their own. They can be sent away for
 * a while, when the recorder has to have the log to itself; who asks the archive meanwhile is told to come again.
 */
import type { Archive } from '../http/server.ts';
import type { OpenArchive } from './archive.ts';
import type { Archivist } from './archivist.ts';

interface Present {
  readonly archivist: Archivist;
  readonly archive: OpenArchive;
}

export class Attendants implements Archive {
  readonly #open: () => Present;
  #present: Present | undefined;
  #leaving: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(open: () => Present) {
    this.#open = open;
    this.#present = open();
  }

  /** As `Archivist` has it. */
  get isHeld(): boolean {
    return this.#present?.archivist.isHeld ?? false;
  }

  /** As `Archivist` has it. */
  get failure(): string {
    return this.#present?.archivist.failure ?? '';
  }

  log: Archive['log'] = (...asked) => this.#present?.archive.log(...asked);
  past: Archive['past'] = (...asked) => this.#present?.archive.past(...asked);
  verify: Archive['verify'] = (...asked) => this.#present?.archive.verify(...asked);
  export: Archive['export'] = (...asked) => this.#present?.archive.export(...asked);

  /** Resolves when none of them has the log open any more. */
  async sendAway(): Promise<void> {
    const present = this.#present;
    this.#present = undefined;
    if (present) this.#leaving = this.#leaving.then(() => leave(present));
    await this.#leaving;
  }

  /** Not after a `close`, which this knows of. */
  callBack(): void {
    if (!this.#closed) this.#present ??= this.#open();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.sendAway();
  }
}

async function leave({ archivist, archive }: Present): Promise<void> {
  await archive.close();
  await archivist.close();
}
