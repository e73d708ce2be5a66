/**
 * Opening: whether a recording's folder can be used, and if it cannot be opened, why not, in one sentence.
 */
import { access, constants, mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { hasCode } from '../system/errno.ts';
import {
  damageText,
  isLevelDamage,
  RecordingError,
  RecordingHeldError,
  reasonOf,
  UnsoundLogError,
} from './errors.ts';
import { syncFolder } from './levelSync.ts';

/** The folder's one real path. It is made if need be with `create`, and can be read and written. */
export async function openFolder(path: string, create: boolean): Promise<string> {
  try {
    if (create) await makeFolder(resolve(path));
    const folder = await realpath(path);
    if (!(await stat(folder)).isDirectory()) throw new RecordingError(noFolder(path));
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return folder;
  } catch (error) {
    if (error instanceof RecordingError) throw error;
    throw new RecordingError(sentence(path, error), { cause: error });
  }
}

/** Node's own recursive mkdir names the wrong errno on a read-only file system, and leaves names to chance. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o750 });
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return;
    if (!hasCode(error, 'ENOENT')) throw error;
    await makeFolder(dirname(path));
    await mkdir(path, { mode: 0o750 });
  }
  // What is answered in a recording outlives a loss of power only where the recording's own name does.
  await syncFolder(dirname(path));
}

export function noRecording(folder: string): RecordingError {
  return new RecordingError(
    `there is no recording in ${folder}: begin one with \`tasktrail up --data ${folder}\``,
  );
}

/** Why LevelDB did not open the folder, or could not read what is needed first. */
export async function openingError(folder: string, error: unknown): Promise<RecordingError> {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (hasCode(cause, 'LEVEL_LOCKED')) return new RecordingHeldError(folder, await holderOf(folder));
  if (isLevelDamage(cause)) return new UnsoundLogError(folder, 1, damageText(folder, cause));
  return new RecordingError(sentence(folder, cause), { cause });
}

function sentence(path: string, error: unknown): string {
  if (hasCode(error, 'ENOENT')) return noRecording(path).message;
  if (hasCode(error, 'EEXIST', 'ENOTDIR')) return noFolder(path);
  return `the recording in ${path} cannot be opened: ${reasonOf(error)}; ${adviceFor(error)}`;
}

function noFolder(path: string): string {
  return `${path} cannot hold a recording: it is not a folder; use another one (--data)`;
}

function adviceFor(error: unknown): string {
  if (hasCode(error, 'EACCES')) return 'run tasktrail as its owner or as root';
  if (hasCode(error, 'EROFS')) return 'LevelDB writes even to read: copy it to where it can be written';
  return 'put that right, then try again';
}

/** The process that holds LevelDB's lock, as /proc/locks tells; 0 where it does not. */
export async function holderOf(folder: string): Promise<number> {
  const { ino } = await statIfThere(join(folder, 'LOCK'));
  const locks = await readFile('/proc/locks', 'utf8');
  // 1: POSIX  ADVISORY  WRITE 4242 fd:00:123456 0 EOF
  const holder = locks
    .split('\n')
    .map((line) => /POSIX +ADVISORY +WRITE +(\d+) +\w+:\w+:(\d+) /.exec(line))
    .find((match) => Number(match?.[2]) === ino);
  return Number(holder?.[1] ?? 0);
}

/** Without the lock's file nobody holds it. */
async function statIfThere(path: string): Promise<{ readonly ino: number }> {
  try {
    return await stat(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return { ino: 0 };
    throw error;
  }
}
