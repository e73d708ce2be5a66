/**
 * `tasktrail status`: the recording and its recorder on one screen.
 */
import { withReader } from './asking.ts';
import { type Context, printAll } from './context.ts';
import { statusLines } from './format/status.ts';

export async function status(context: Context): Promise<void> {
  await withReader(context, 'any', async (_reader, view) => {
    printAll(context, [view], (views) => views.flatMap(statusLines));
  });
}
