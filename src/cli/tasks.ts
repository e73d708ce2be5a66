/**
 * `tasktrail tasks PATH`: what is in a container, by process; with `--threads` each thread.
 */
import { answered, withReader } from './asking.ts';
import { type Context, printAll } from './context.ts';
import { processesOf, processTable, threadTable } from './format/tasks.ts';

export async function tasks(
  context: Context,
  path: string,
  options: { readonly threads?: boolean },
): Promise<void> {
  await withReader(context, 'any', async (reader) => {
    const found = answered(`tasks ${path}`, await reader.tasks(path));
    if (options.threads === true) printAll(context, found, threadTable);
    else printAll(context, processesOf(found), processTable);
  });
}
