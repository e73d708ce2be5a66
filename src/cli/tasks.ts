/**
 * `tasktrail tasks PLACE`: what is in a container, by process; with `--threads` each thread.
 */
import type { Place, Reader } from '../engine/reader.ts';
import { answered, withReader } from './asking.ts';
import { type Context, printAll } from './context.ts';
import { byContainer, processesOf, processTable, threadTable } from './format/tasks.ts';

export interface TasksOptions {
  readonly threads?: boolean;
  readonly recursive?: boolean;
  readonly tree?: string;
}

export async function tasks(
  context: Context,
  path: string,
  { threads, recursive, tree }: TasksOptions,
): Promise<void> {
  await withReader(context, 'any', async (reader) => {
    const found = answered(`tasks ${path}`, await reader.tasks({ path, tree }, recursive === true));
    if (found.length === 0 && recursive !== true) await tellOfThoseBelow(context, reader, { path, tree });
    if (threads === true) printAll(context, found, (all) => byContainer(all, threadTable));
    else printAll(context, processesOf(found), (all) => byContainer(all, processTable));
  });
}

/** What people name is often only what holds the containers that tasks are in: a pod, a slice. */
async function tellOfThoseBelow({ terminal }: Context, reader: Reader, place: Place): Promise<void> {
  const views = answered(`tasks ${place.path}`, await reader.tree(place));
  if (views.some(({ populated }) => populated)) {
    terminal.tell('tasktrail: all of its tasks are in containers below it: --recursive lists them');
  }
}
