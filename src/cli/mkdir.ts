/**
 * `tasktrail mkdir PATH`: makes a container, as mkdir(1) makes a directory.
 */
import { giveCommand } from './asking.ts';
import type { Context } from './context.ts';

/** What a program that makes a directory asks for; the umask takes its part away. */
export const directoryMode = 0o777;

export async function mkdir(context: Context, path: string): Promise<void> {
  await giveCommand(context, `mkdir ${path}`, 'mkdir', {
    path,
    mode: directoryMode,
    umask: process.umask(),
  });
}
