/**
 * The context of a command: which recording it is about, how it shall answer, and where to.
 */
import { type Folder, folderFrom, invocation } from './dataFolder.ts';
import type { Terminal } from './terminal.ts';

/** What every command takes beside its own options. */
export interface GlobalOptions {
  readonly data?: string;
  readonly json?: boolean;
}

export interface Context {
  readonly folder: Folder;
  /** Data as NDJSON. */
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How to type another command for the same recording. */
  typed(command: string): string;
}

export function contextOf(
  options: GlobalOptions,
  terminal: Terminal,
  env: Readonly<Record<string, string | undefined>>,
): Context {
  const folder = folderFrom(options.data, env, process.geteuid?.() === 0);
  return {
    folder,
    json: options.json === true,
    terminal,
    env,
    typed: (command) => invocation(command, folder, env),
  };
}

/** Prints data: each item as a line of JSON, or all of them as the lines made for people. */
export function printAll<Item>(
  { json, terminal }: Context,
  items: readonly Item[],
  lines: (items: readonly Item[]) => readonly string[],
): void {
  for (const line of json ? items.map((item) => JSON.stringify(item)) : lines(items)) terminal.print(line);
}
