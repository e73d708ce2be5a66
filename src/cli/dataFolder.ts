/**
 * The data folder, which holds the recording: which one is meant, also when nobody says, and how a command is typed
 * that means it again.
 */
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { typedText } from './arguments.ts';
import { usageFailure } from './failure.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Folder {
  /** Absolute. */
  readonly path: string;
  /** What `--data` was given, and has to be given again; empty where it was not. */
  readonly typed: string;
}

/** `option` is what `--data` was given, in the form of `textOf`. */
export function folderFrom(option: string | undefined, env: Environment, isRoot: boolean): Folder {
  if (option === undefined) return { path: resolve(defaultFolder(env, isRoot)), typed: '' };
  if (option === '') throw usageFailure('--data names no folder');
  const typed = typedText(option);
  // LevelDB and sockets take folders as text, and Node writes text as UTF-8.
  if (typed === undefined) throw usageFailure(`--data ${option} is not UTF-8: use a folder whose name is`);
  return { path: resolve(typed), typed };
}

/** `$TASKTRAIL_DATA`, else the system's place for root, else the user's (XDG Base Directory Specification). */
export function defaultFolder(env: Environment, isRoot: boolean): string {
  if (env.TASKTRAIL_DATA) return env.TASKTRAIL_DATA;
  if (isRoot) return '/var/lib/tasktrail';
  // The specification has relative paths ignored.
  const state = env.XDG_STATE_HOME?.startsWith('/') ? env.XDG_STATE_HOME : `${homedir()}/.local/state`;
  return `${state}/tasktrail`;
}

/** How to type a command for the same recording: `npx tasktrail tree --data .tasktrail`. */
export function invocation(command: string, folder: Folder, env: Environment): string {
  // npm names itself to what it starts.
  const program = env.npm_command === undefined ? 'tasktrail' : 'npx tasktrail';
  const [name, ...rest] = command.split(' ');
  const data = folder.typed === '' ? [] : ['--data', quoted(folder.typed)];
  return [program, name, ...data, ...rest].join(' ');
}

/** As a shell takes it for one word. */
export function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
