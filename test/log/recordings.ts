/**
 * Recordings on disk for tests: made, copied, damaged, and opened again.
 */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import type { Event } from '../../events/event.ts';
import { RecordingError } from '../../src/log/errors.ts';
import { commitKey } from '../../src/log/keys.ts';
import { openLevelLog } from '../../src/log/openLog.ts';
import { seededRandom } from '../../src/random.ts';
import { randomStamped } from '../support/facts.ts';
import { readAll } from './contract.ts';

/** Folders of one test file, removed together. */
export class Scratch {
  readonly #root: string;
  #count = 0;

  static async open(): Promise<Scratch> {
    return new Scratch(await mkdtemp(join(tmpdir(), 'tasktrail-log-')));
  }

  constructor(root: string) {
    this.#root = root;
  }

  /** The path of a folder that does not exist. */
  folder(): string {
    this.#count += 1;
    return join(this.#root, String(this.#count));
  }

  async copy(folder: string): Promise<string> {
    const copy = this.folder();
    await cp(folder, copy, { recursive: true });
    return copy;
  }

  remove(): Promise<void> {
    return rm(this.#root, { recursive: true });
  }
}

/** Records random commits and closes. What they are follows from the seed. */
export async function makeRecording(folder: string, commits: number, seed = 1): Promise<Event[]> {
  const random = seededRandom(seed);
  const log = await openLevelLog({ folder });
  const events: Event[] = [];
  for (let i = 0; i < commits; i++) {
    events.push(...log.append(randomStamped(random, 1 + random.below(4), events.at(-1)?.timeUs ?? 1e15)));
    await log.commit('written');
  }
  await log.close();
  return events;
}

/** Opening turns LevelDB's log file into a table. */
export async function makeTables(folder: string): Promise<void> {
  const log = await openLevelLog({ folder });
  await log.close();
}

/** A closed recording with all of its commits in LevelDB's log file, and the same one with all in a table. */
export async function makeTwins(
  scratch: Scratch,
): Promise<{ readonly fresh: string; readonly settled: string; readonly events: readonly Event[] }> {
  const fresh = scratch.folder();
  const events = await makeRecording(fresh, 40);
  const settled = await scratch.copy(fresh);
  await makeTables(settled);
  return { fresh, settled, events };
}

/** All events of a recording; the error, when it does not open. */
export async function openedEvents(folder: string): Promise<Event[] | RecordingError> {
  try {
    const log = await openLevelLog({ folder });
    const events = await readAll(log);
    await log.close();
    return events;
  } catch (error) {
    if (error instanceof RecordingError) return error;
    throw error;
  }
}

/** The names of the folder's files that end so, sorted. */
export async function filesOf(folder: string, pattern: RegExp): Promise<string[]> {
  return (await readdir(folder)).filter((name) => pattern.test(name)).sort();
}

/** The one file whose name is like this. */
export async function fileOf(folder: string, pattern: RegExp): Promise<string> {
  const [name, ...others] = await filesOf(folder, pattern);
  if (name === undefined || others.length > 0) throw new Error(`${folder} has not one file like ${pattern}`);
  return join(folder, name);
}

export async function changeFile(path: string, change: (bytes: Buffer) => Uint8Array): Promise<void> {
  await writeFile(path, change(await readFile(path)));
}

/** Works on a closed recording's LevelDB directly. */
export async function changeLevel(
  folder: string,
  change: (level: ClassicLevel<Uint8Array, Uint8Array>) => Promise<unknown>,
): Promise<void> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(folder, {
    keyEncoding: 'view',
    valueEncoding: 'view',
  });
  await change(level);
  await level.close();
}

export async function commitAt(
  level: ClassicLevel<Uint8Array, Uint8Array>,
  firstSeq: number,
): Promise<Uint8Array> {
  const value = await level.get(commitKey(firstSeq));
  if (value === undefined) throw new Error(`no commit begins with seq ${firstSeq}`);
  return value;
}
