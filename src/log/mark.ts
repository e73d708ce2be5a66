/**
 * The mark: a small file beside LevelDB's that says at which seq the recording ended when it was last closed.
 * What is lost from the end of a log leaves no hole, and would not be missed without it.
 */
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../system/errno.ts';
import { syncFolder } from './levelSync.ts';

export const markName = 'head.json';

/** The marked seq; 0 where the recording was never closed. */
export async function readMark(folder: string): Promise<number | 'damaged'> {
  let text: string;
  try {
    text = await readFile(join(folder, markName), 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 0;
    throw error;
  }
  const seq = /^\{"seq":(\d+)\}\n$/.exec(text)?.[1];
  return seq === undefined ? 'damaged' : Number(seq);
}

/** Replaces the mark at once and for good. */
export async function writeMark(folder: string, seq: number): Promise<void> {
  const path = join(folder, markName);
  const draft = await open(`${path}.new`, 'w', 0o640);
  try {
    await draft.writeFile(`{"seq":${seq}}\n`);
    await draft.sync();
  } finally {
    await draft.close();
  }
  await rename(`${path}.new`, path);
  await syncFolder(folder);
}
