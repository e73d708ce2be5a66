/**
 * `tasktrail path PID`: the path of the container that a task is in, as /proc/PID/container in the patch.
 */
import { answered, withReader } from './asking.ts';
import { type Context, printAll } from './context.ts';
import { parsePid } from './pid.ts';

/** `self` is this very process, which is where the shell is that started it; no recording of the past has it. */
export async function path(context: Context, typedPid: string): Promise<void> {
  const self = typedPid === 'self';
  const pid = self ? process.pid : parsePid(typedPid);
  await withReader(context, self ? 'daemon' : 'any', async (reader) => {
    const view = answered(`path ${typedPid}`, await reader.path(pid));
    printAll(context, [view], (views) => views.map((each) => each.path));
  });
}
