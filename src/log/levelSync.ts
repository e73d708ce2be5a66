/**
 * Makes durable what LevelDB was given. LevelDB's own synced write does less: it syncs its newest log file only, and
 * what was written to the one before, until that has become a table, would be lost with the power. Where that is the
 * file that it wrote to before, and every other one was synced by then, both are the same, and one job does both.
 */
import { fstatSync } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../system/errno.ts';
import { isLogFile } from './levelFiles.ts';

/**
 * Syncs the log files of one LevelDB. The one that it writes to stays open from one sync to the next, so that a sync
 * needs no descriptor that others may have taken. `wrote` is to be called after each write, of which there is one at a
 * time. A `run` makes durable what had been written when it was called; there is one at a time as well.
 */
export class LevelSync {
  readonly #folder: string;
  /** The log file that LevelDB wrote to when it was last looked for, and the file's size after the last write. */
  #file: FileHandle | undefined;
  #sizeBytes = 0;
  /** Whether LevelDB has begun another log file since. */
  #left = false;
  /** Whether something was written while the file was being looked for: to another file, for all that is known. */
  #wroteMeanwhile = false;
  #isLooking = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Every write makes the log file longer that it goes to; where ours has not grown, it went to another one. */
  wrote(): void {
    this.#wroteMeanwhile = true;
    if (this.#file === undefined || this.#left) return;
    const { size } = fstatSync(this.#file.fd);
    this.#left = size === this.#sizeBytes;
    this.#sizeBytes = size;
  }

  /**
   * Whether all that was written before the last write is in the file that the last one went to, or was synced before:
   * then what LevelDB syncs with a write is everything.
   */
  get isOneFile(): boolean {
    return this.#file !== undefined && !this.#left && !this.#isLooking;
  }

  async run(): Promise<void> {
    await this.#file?.datasync();
    if (this.#file === undefined || this.#left) await this.#syncAll();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** Syncs every log file that there is, and keeps the newest open: it is the one that is written to. */
  async #syncAll(): Promise<void> {
    this.#isLooking = true;
    this.#wroteMeanwhile = false;
    // Given back first: then a descriptor is free for the one that takes its place.
    await this.close();
    const names = (await readdir(this.#folder)).filter(isLogFile);
    for (const name of names.sort(byNumber)) {
      await this.close();
      this.#file = await openLogFile(join(this.#folder, name));
      await this.#file?.datasync();
    }
    this.#sizeBytes = this.#file === undefined ? 0 : fstatSync(this.#file.fd).size;
    // A new file outlives a loss of power only when its name in the folder does.
    await syncFolder(this.#folder);
    this.#left = this.#wroteMeanwhile;
    this.#isLooking = false;
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Undefined where it has become a table since it was listed, which LevelDB syncs before it removes the file. */
async function openLogFile(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** `000012.log` before `1000000.log`. */
function byNumber(a: string, b: string): number {
  return Number.parseInt(a, 10) - Number.parseInt(b, 10);
}
