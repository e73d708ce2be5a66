/**
 * `tasktrail set PATH notify_on_release 0|1`: writes to a container's flag file.
 */
import { giveCommand } from './asking.ts';
import type { Context } from './context.ts';
import { usageFailure } from './failure.ts';

export async function set(context: Context, path: string, flag: string, value: string): Promise<void> {
  if (flag !== 'notify_on_release') {
    throw usageFailure(`a container has no flag '${flag}': the one it has is notify_on_release`);
  }
  if (value !== '0' && value !== '1') {
    throw usageFailure(`notify_on_release is 0 or 1, not '${value}'`);
  }
  await giveCommand(context, `set ${path} ${flag} ${value}`, 'write', { path, file: flag, text: value });
}
