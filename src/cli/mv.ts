/**
 * `tasktrail mv FROM TO`: gives a container another name. TO is a whole path, in the same parent.
 */
import { giveCommand } from './asking.ts';
import type { Context } from './context.ts';

export async function mv(context: Context, from: string, to: string): Promise<void> {
  await giveCommand(context, `mv ${from} ${to}`, 'rename', { from, to });
}
