/**
 * `tasktrail attach PATH PID`: moves a process into a container, all of its threads or none; with `--thread` the
 * one thread that has this pid.
 */
import { giveCommand } from './asking.ts';
import type { Context } from './context.ts';
import { parsePid } from './pid.ts';

export async function attach(
  context: Context,
  path: string,
  typedPid: string,
  options: { readonly thread?: boolean },
): Promise<void> {
  const pid = parsePid(typedPid);
  await giveCommand(context, `attach ${path} ${pid}`, 'attach', {
    path,
    pid,
    thread: options.thread === true,
  });
}
