/**
 * `tasktrail rmdir PATH`: removes a container that holds no task and no other container.
 */
import { giveCommand } from './asking.ts';
import type { Context } from './context.ts';

export async function rmdir(context: Context, path: string): Promise<void> {
  await giveCommand(context, `rmdir ${path}`, 'rmdir', { path });
}
