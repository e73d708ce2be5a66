/**
 * A file that comes into being at once: written beside its place and renamed when all of it is on disk. Whatever ends the
 * program before leaves `FILE.new`, and in the place what was there. `-` is standard output, which has no such choice.
 */
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode, messageOf } from '../system/errno.ts';
import { Failure } from './failure.ts';
import type { Terminal } from './terminal.ts';

export interface Output {
  write(bytes: Uint8Array): Promise<void>;
  /** Puts the whole into its place. */
  finish(): Promise<void>;
  /** Leaves nothing of it. */
  abandon(): Promise<void>;
}

/** A recording tells who did what: it is for its owner. */
const fileMode = 0o600;

export async function openOutput(path: string, terminal: Terminal): Promise<Output> {
  if (path === '-') {
    return {
      write: (bytes) => terminal.write(bytes),
      finish: async () => {},
      abandon: async () => {},
    };
  }
  const place = await placeOf(path);
  const draft = `${place}.new`;
  const file = await tried(path, () => open(draft, 'w', fileMode));
  return {
    write: (bytes) => tried(path, () => file.writeFile(bytes)),
    finish: () =>
      tried(path, async () => {
        await file.sync();
        await file.close();
        await rename(draft, place);
        await syncFolderOf(place);
      }),
    abandon: async () => {
      await closed(file);
      await rm(draft, { force: true });
    },
  };
}

/** Where a link leads. What is there and is no file, such as a device, must not be taken out of its place. */
async function placeOf(path: string): Promise<string> {
  try {
    const place = await realpath(path);
    if ((await stat(place)).isFile()) return place;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return path;
    throw new Failure(`${path} cannot be written: ${messageOf(error)}`);
  }
  throw new Failure(`${path} is there and is no file: give another one, or - for standard output`);
}

async function tried<Result>(path: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw new Failure(`${path} cannot be written: ${messageOf(error)}`);
  }
}

async function closed(file: FileHandle): Promise<void> {
  // It may be closed already; what it held does not count any more.
  await file.close().catch(() => {});
}

async function syncFolderOf(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
