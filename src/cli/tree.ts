/**
 * `tasktrail tree [PATH]`: a container and all below it, with what is in each and what happens there.
 */
import { answered, withReader } from './asking.ts';
import { type Context, printAll } from './context.ts';
import { drawTree } from './format/tree.ts';

export async function tree(context: Context, path: string): Promise<void> {
  await withReader(context, 'any', async (reader) => {
    const views = answered(`tree ${path}`, await reader.tree(path));
    const names = await namesOf(views.map(({ uid }) => uid));
    printAll(context, views, (all) =>
      drawTree(all, (uid) => names.get(uid) ?? String(uid), context.terminal.paint),
    );
  });
}

/** Names of users other than root: most trees have none, and then nobody is asked. */
async function namesOf(uids: readonly number[]): Promise<ReadonlyMap<number, string | undefined>> {
  const others = [...new Set(uids)].filter((uid) => uid !== 0);
  if (others.length === 0) return new Map();
  const { userName } = await import('../system/users.ts');
  return new Map(others.map((uid) => [uid, userName(uid)]));
}
