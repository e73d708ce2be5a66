/**
 * Setting aside: where a recording is not what was written, all of it as it was is kept in a folder of its own, which is
 * never read as truth and never removed; then the recording is taken back to where it is sound, so that it can go on.
 *
 * LevelDB changes no file that is there, it only takes new ones in their place: so a second name keeps each of them.
 */
import { readdirSync } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import type { SetAside } from '../ports.ts';
import { hasCode } from '../system/errno.ts';
import { RecordingHeldError, UnsoundLogError } from './errors.ts';
import { allBlocks, allCommits, metaKey } from './keys.ts';
import { findDamage, isLevelFile, isTable } from './levelFiles.ts';
import { LevelReader } from './levelReader.ts';
import { format, metaValue, openStore } from './levelStore.ts';
import { syncFolder } from './levelSync.ts';
import { mendedTable } from './levelTables.ts';
import { markName, readMark, writeMark } from './mark.ts';
import { holderOf } from './opening.ts';
import { type TakenBack, takeBack } from './soundEnd.ts';

/** Names of folders that are being filled, and that are complete while the recording is taken back. */
const fillingName = 'unsound.new';
const completeName = 'unsound';

/** Whether this was stopped in the middle, and has to be gone on with. */
export async function isHalfSetAside(folder: string): Promise<boolean> {
  try {
    return (await stat(join(folder, completeName))).isDirectory();
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}

/** The names of the folders in a recording's that hold what was set aside. */
export function setAsideIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => /^unsound-\d+-\w+$/.test(name))
    .sort();
}

/** These, for a status; nothing where there are none. */
export function setAsideView(folder: string): { readonly setAside?: readonly string[] } {
  const setAside = setAsideIn(folder);
  return setAside.length === 0 ? {} : { setAside };
}

/**
 * Sets aside, and takes a recording back to where it is sound. `wallUs` is the time of it. To be called while nobody has
 * the recording open. When it is stopped in the middle, the next call goes on with it. Where reading has found blocks from
 * `unsoundSeq` on unsound, they are not kept either.
 */
export async function setAside(
  folder: string,
  { seq, why }: UnsoundLogError,
  wallUs: number,
  unsoundSeq?: number,
): Promise<SetAside> {
  const holder = await holderOf(folder);
  if (holder !== 0) throw new RecordingHeldError(folder, holder);
  await keepAll(folder);
  const mark = await readMark(folder);
  // Where it ended last is not where it will end now.
  await writeMark(folder, 0);
  await openable(folder);
  const { soundSeq, lastSeq } = await takenBack(folder, unsoundSeq);
  await writeMark(folder, soundSeq);
  const name = `unsound-${soundSeq + 1}-${compactTime(wallUs)}`;
  await rename(join(folder, completeName), join(folder, name));
  await syncFolder(folder);
  return {
    folder: join(folder, name),
    seq: soundSeq + 1,
    lastSeq: Math.max(lastSeq, seq - 1, mark === 'damaged' ? 0 : mark),
    why,
  };
}

async function keepAll(folder: string): Promise<void> {
  const names = await readdir(folder);
  if (names.includes(completeName)) return;
  const filling = join(folder, fillingName);
  await mkdir(filling, { mode: 0o750, recursive: true });
  for (const name of names) {
    if (isLevelFile(name)) await linked(join(folder, name), join(filling, name));
    else if (name === 'CURRENT' || name === markName) await copyFile(join(folder, name), join(filling, name));
  }
  await syncFolder(filling);
  await rename(filling, join(folder, completeName));
  await syncFolder(folder);
}

/** An earlier start may have been stopped after it had linked this one. */
async function linked(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

/** Leaves LevelDB with files that it can open, and of which it passes over none in silence. */
async function openable(folder: string): Promise<void> {
  for (;;) {
    const damage = await findDamage(folder, true);
    if (damage?.place === undefined) break;
    const { name, at } = damage.place;
    await mend(folder, name, at);
  }
  await syncFolder(folder);
  try {
    await (await openStore(folder, true)).close();
  } catch (error) {
    if (!(error instanceof UnsoundLogError)) throw error;
    // It makes a new list of its files out of what it finds in them.
    await ClassicLevel.repair(folder);
    await mendMeta(folder);
  }
}

/** That it is a recording can be told from what else is in it; of later formats this would not be called unsound. */
async function mendMeta(folder: string): Promise<void> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(folder, {
    keyEncoding: 'view',
    valueEncoding: 'view',
  });
  try {
    const [key] = await level.keys({ ...allBlocks, lt: allCommits.lt, limit: 1 }).all();
    if (key) await level.put(metaKey, metaValue({ format, id: '' }));
  } finally {
    await level.close();
  }
}

/** In a file of its own: another name of the damaged one keeps all of it. */
async function mend(folder: string, name: string, at: number): Promise<void> {
  const path = join(folder, name);
  const file = await readFile(path);
  const sound = isTable(name) ? mendedTable(file) : file.subarray(0, at);
  if (sound === undefined) {
    await rm(path);
    return;
  }
  const draft = await open(`${path}.new`, 'w', 0o640);
  try {
    await draft.writeFile(sound);
    await draft.sync();
  } finally {
    await draft.close();
  }
  await rename(`${path}.new`, path);
}

async function takenBack(folder: string, unsoundSeq: number | undefined): Promise<TakenBack> {
  const store = await openStore(folder, true);
  try {
    return await takeBack(new LevelReader(store), unsoundSeq);
  } finally {
    await store.close();
  }
}

/** `20261124T031200Z`. */
function compactTime(wallUs: number): string {
  return new Date(Math.floor(wallUs / 1000)).toISOString().replace(/[-:]|\.\d+/g, '');
}
