/**
 * The note that a recorder leaves in a recording's folder while it begins. LevelDB ends the process on some damage in its
 * tables: where a note is found, whoever left it came to no end in order, and the tables are looked at before LevelDB is
 * let at them.
 */
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../system/errno.ts';

const noteName = 'beginning';

export async function hasNote(folder: string): Promise<boolean> {
  try {
    await stat(join(folder, noteName));
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}

export async function leaveNote(folder: string): Promise<void> {
  try {
    await writeFile(join(folder, noteName), '', { mode: 0o640 });
  } catch {
    // Where nothing can be written, or there is no folder yet, the opening that follows says so, or makes one.
  }
}

export async function takeNote(folder: string): Promise<void> {
  try {
    await rm(join(folder, noteName), { force: true });
  } catch {
    // One that stays costs the next start a look at the tables.
  }
}
