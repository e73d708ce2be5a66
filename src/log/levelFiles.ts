/**
 * The files that LevelDB keeps in a recording's folder. LevelDB opens cleanly on most damage: it drops what
 * it cannot read and deletes the file that held it. So its files are looked at before it is let at them.
 * Reads files; changes nothing.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../system/errno.ts';
import { DamagedError } from './damagedError.ts';
import { checkTable } from './levelTables.ts';
import { writesIn } from './levelWrites.ts';

/** Something in a file that LevelDB would pass over in silence. */
export interface Damage {
  /** A phrase: which file, where, and what. */
  readonly why: string;
  /** The last write that is whole before it, in the same file. */
  readonly before?: Uint8Array;
  /** Of a table: a key that is not behind the first one that is lost. */
  readonly after?: Uint8Array;
  /** The log file, and the byte in it up to which it is as it was written; or the table. Missing where it is another file. */
  readonly place?: { readonly name: string; readonly at: number };
}

/** Whether the folder holds the files of a LevelDB, or what is left of them. */
export async function holdsLevel(folder: string): Promise<boolean> {
  const names = await readdir(folder);
  return names.some((name) => name === 'CURRENT' || isLevelFile(name));
}

/**
 * The first damage that LevelDB would not report; undefined when there is none. With `tables` those are read too, which
 * takes the longer the more is recorded.
 */
export async function findDamage(folder: string, tables = false): Promise<Damage | undefined> {
  const names = await readdir(folder);
  if (!names.includes('CURRENT') && names.some(isLevelFile)) {
    // LevelDB would take this for a new database and delete all files of the old one.
    return { why: 'the file CURRENT, which names the files that count, is missing' };
  }
  for (const name of names.filter((each) => isLogFile(each) || (tables && isTable(each))).sort()) {
    const file = await readIfThere(join(folder, name));
    const damage = file && damageIn(name, file);
    if (damage) return damage;
  }
  return undefined;
}

/** A file that has become a table since it was listed, by a recorder in this process, is gone. */
async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function damageIn(name: string, file: Buffer): Damage | undefined {
  let before: Buffer | undefined;
  try {
    if (isTable(name)) checkTable(file);
    else for (const write of writesIn(file)) before = write;
    return undefined;
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
    const place = { name, at: error.at };
    return {
      why: `the file ${name} is damaged: ${error.message}`,
      ...(isTable(name) ? { after: error.after } : before && { before }),
      place,
    };
  }
}

/** A file in which LevelDB keeps writes until they have become a table. */
export function isLogFile(name: string): boolean {
  return /^\d+\.log$/.test(name);
}

/** A file in which LevelDB keeps what has been sorted. */
export function isTable(name: string): boolean {
  return /^\d+\.(ldb|sst)$/.test(name);
}

export function isLevelFile(name: string): boolean {
  return /^(\d+\.(log|ldb|sst)|MANIFEST-\d+)$/.test(name);
}
