/**
 * `tasktrail set PATH notify_on_release 0|1` and `tasktrail set / release_agent PROGRAM`: writes to a container's file.
 */
import { resolve } from 'node:path';
import { textOf, utf8BytesOf } from '../../events/bytes.ts';
import { typedText } from './arguments.ts';
import { giveCommand } from './asking.ts';
import type { Context } from './context.ts';
import { usageFailure } from './failure.ts';

export async function set(context: Context, path: string, file: string, value: string): Promise<void> {
  if (file !== 'notify_on_release' && file !== 'release_agent') {
    throw usageFailure(
      `there is no '${file}' to set: there are notify_on_release and, of the root, release_agent`,
    );
  }
  const text = file === 'release_agent' ? textOf(utf8BytesOf(programFrom(value))) : flagFrom(value);
  await giveCommand(context, `set ${path} ${file} ${value}`, 'write', { path, file, text });
}

function flagFrom(value: string): string {
  if (value === '0' || value === '1') return value;
  throw usageFailure(`notify_on_release is 0 or 1, not '${value}'`);
}

/** Agents run in / and without PATH: whoever types a relative path means it from here. */
export function programFrom(value: string): string {
  const path = typedText(value);
  if (path === undefined || path === '')
    throw usageFailure(`'${value}' is no path of a release agent in UTF-8`);
  return resolve(path);
}
