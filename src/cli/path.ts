/**
 * `tasktrail path PID`: where a task is: its path in our own tree, as /proc/PID/container in the patch. With `--tree`
 * its path in that tree; with `--tree all` a line for each tree.
 */
import { isTreeCalled } from '../../events/treeName.ts';
import type { PlaceView } from '../engine/places.ts';
import type { PathView } from '../engine/reads.ts';
import { asked, withReader } from './asking.ts';
import { type Context, printAll } from './context.ts';
import { Failure, usageFailure } from './failure.ts';
import { withBackslashes } from './format/backslash.ts';
import { nameText } from './format/name.ts';
import { table } from './format/table.ts';
import { instantFrom } from './instant.ts';
import { parsePid } from './pid.ts';

/** `self` is this very process, which is where the shell is that started it; no recording of the past has it. */
export async function path(
  context: Context,
  typedPid: string,
  { tree, at }: { readonly tree?: string; readonly at?: string },
): Promise<void> {
  const self = typedPid === 'self';
  if (self && at !== undefined) throw usageFailure('path self: this process has no past: give a pid');
  const instant = instantFrom('--at', at);
  const pid = self ? process.pid : parsePid(typedPid);
  await withReader(context, self ? 'daemon' : 'any', async (reader) => {
    const view = await asked(context, reader, `path ${typedPid}`, { kind: 'path', pid }, instant);
    const lines = linesOf(view, typedPid, tree).map(withBackslashes);
    printAll(context, [view], () => lines);
    if (view.certainty !== 'known' && tellsOfOwn(view, tree)) {
      context.terminal.tell(`tasktrail: where it is is ${view.certainty}: its way there was not seen whole`);
    }
  });
}

/** Only in our own tree a place can be in doubt: in the others a task has one where the kernel has told, else none. */
function tellsOfOwn({ trees }: PathView, tree: string | undefined): boolean {
  return tree === undefined || tree === 'all' || tree === trees[0]?.tree;
}

/** Scripts take what is printed for one path, so names stand beside it only where there is a line for each tree. */
function linesOf(
  { path: own, trees }: PathView,
  typedPid: string,
  tree: string | undefined,
): readonly string[] {
  if (tree === undefined) return [own];
  if (tree === 'all') return table(['left', 'left', 'left'], trees.map(rowOf));
  const place = trees.find((each) => isTreeCalled(each.tree, tree));
  if (place) return [place.path];
  const names = trees.map((each) => each.tree).join(', ');
  throw new Failure(`path ${typedPid}: it is not known to be in a tree ${tree}: it is in ${names}`);
}

function rowOf(place: PlaceView): string[] {
  return [place.tree, place.path, nameText(place)];
}
