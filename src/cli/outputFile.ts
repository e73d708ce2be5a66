/**
 * A file that comes into being at once: written beside its place and renamed when all of it is on disk. Whatever ends the
 * program before leaves `FILE.new`, and in the place what was there. `-` is standard output, which has no such choice.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../system/errno.ts';
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
  const draft = `${path}.new`;
  const file = await tried(path, () => open(draft, 'w', fileMode));
  return {
    write: (bytes) => tried(path, () => file.writeFile(bytes)),
    finish: () =>
      tried(path, async () => {
        await file.sync();
        await file.close();
        await rename(draft, path);
        await syncFolderOf(path);
      }),
    abandon: async () => {
      await closed(file);
      await rm(draft, { force: true });
    },
  };
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
