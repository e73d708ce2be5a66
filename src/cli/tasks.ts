/**
 * `tasktrail tasks PLACE`: what is in a container, by process; with `--threads` each thread.
 */
import type { Reader } from '../engine/reader.ts';
import type { Place } from '../engine/reads.ts';
import { asked, withReader } from './asking.ts';
import { type Context, printAll } from './context.ts';
import { byContainer, processesOf, processTable, threadTable } from './format/tasks.ts';
import { instantFrom } from './instant.ts';

export interface TasksOptions {
  readonly threads?: boolean;
  readonly recursive?: boolean;
  readonly tree?: string;
  readonly at?: string;
}

export async function tasks(
  context: Context,
  path: string,
  { threads, recursive, tree, at }: TasksOptions,
): Promise<void> {
  const instant = instantFrom('--at', at);
  await withReader(context, 'any', async (reader) => {
    const question = { kind: 'tasks', path, tree, below: recursive === true } as const;
    const found = await asked(context, reader, `tasks ${path}`, question, instant);
    // Of the past that would be another look through the whole log.
    if (found.length === 0 && recursive !== true && instant === undefined) {
      await tellOfThoseBelow(context, reader, question);
    }
    if (threads === true) printAll(context, found, (all) => byContainer(all, threadTable));
    else printAll(context, processesOf(found), (all) => byContainer(all, processTable));
  });
}

/** What people name is often only what holds the containers that tasks are in: a pod, a slice. */
async function tellOfThoseBelow(context: Context, reader: Reader, { path, tree }: Place): Promise<void> {
  const views = await asked(context, reader, `tasks ${path}`, { kind: 'tree', path, tree }, undefined);
  if (views.some(({ populated }) => populated)) {
    context.terminal.tell('tasktrail: all of its tasks are in containers below it: --recursive lists them');
  }
}
