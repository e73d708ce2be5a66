/**
 * `tasktrail status`: the recording and its recorder on one screen.
 */
import { pinnedFor } from '../pinned.ts';
import { withReader } from './asking.ts';
import { type Context, printAll } from './context.ts';
import { statusLines } from './format/status.ts';

export async function status(context: Context): Promise<void> {
  await withReader(context, 'any', async (_reader, view) => {
    // Without a daemon nobody but the kernel tells whether it goes on.
    const kept = view.daemonPid === undefined ? pinnedFor(context.folder.path) : [];
    const shown = { ...view, ...(kept.length > 0 && { kept }) };
    printAll(context, [shown], (views) => views.flatMap(statusLines));
  });
}
