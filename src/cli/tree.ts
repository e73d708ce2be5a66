/**
 * `tasktrail tree [PLACE]`: a container and all below it, with what is in each and what happens there.
 */
import { asked, withReader } from './asking.ts';
import { type Context, printAll } from './context.ts';
import { drawTrees } from './format/tree.ts';
import { instantFrom } from './instant.ts';

export async function tree(
  context: Context,
  path: string,
  { tree: name, usage, at }: { readonly tree?: string; readonly usage?: boolean; readonly at?: string },
): Promise<void> {
  const instant = instantFrom('--at', at);
  await withReader(context, 'any', async (reader) => {
    const question = { kind: 'tree', path, tree: name } as const;
    const views = await asked(context, reader, `tree ${path}`, question, instant);
    const owners = await namesOf(views.map(({ uid }) => uid));
    const ownerOf = (uid: number): string => owners.get(uid) ?? String(uid);
    const { paint } = context.terminal;
    printAll(context, views, (all) => drawTrees(all, { ownerOf, usage: usage === true, paint }));
  });
}

/** Names of users other than root: most trees have none, and then nobody is asked. */
async function namesOf(uids: readonly number[]): Promise<ReadonlyMap<number, string | undefined>> {
  const others = [...new Set(uids)].filter((uid) => uid !== 0);
  if (others.length === 0) return new Map();
  const { userName } = await import('../system/users.ts');
  return new Map(others.map((uid) => [uid, userName(uid)]));
}
