/**
 * The view of tasktrail's tree as its mount shows it. The thread that reads it here serves the mount as well, so it
 * never waits for any of these calls: Node's own threads make them.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import type { Bytes } from '../../events/bytes.ts';
import type { SystemCalls } from './systemCalls.ts';
import { type ContainerSeen, filesText, type View } from './view.ts';

/** What there is to see, of tasks only those in `own`. */
export async function mountedView(calls: SystemCalls, own: ReadonlySet<number>): Promise<View> {
  const containers: ContainerSeen[] = [];
  const paths = new Map<number, Bytes>([...own].map((pid) => [pid, 'nowhere']));
  for (const path of await pathsBelow(calls, '/')) {
    const { mode, uid, gid } = await stat(calls.path(path));
    const pids = (await pidsIn(calls, path)).filter((pid) => path !== '/' || own.has(pid));
    for (const pid of pids) if (own.has(pid)) paths.set(pid, path);
    const notify = (await read(calls, path, 'notify_on_release')) === '1\n';
    const tasks = await stat(calls.path(`${path}/tasks`));
    const flag = await stat(calls.path(`${path}/notify_on_release`));
    containers.push({ path, notify, mode: mode & 0o7777, uid, gid, pids, files: filesText(tasks, flag) });
  }
  return { containers, paths };
}

/** The tasks in a container, as the file lists them. */
export async function pidsIn(calls: SystemCalls, path: Bytes): Promise<number[]> {
  return (await read(calls, path, 'tasks')).split('\n').slice(0, -1).map(Number);
}

function read(calls: SystemCalls, path: Bytes, file: string): Promise<string> {
  return readFile(calls.path(`${path}/${file}`), 'latin1');
}

async function pathsBelow(calls: SystemCalls, path: Bytes): Promise<Bytes[]> {
  const entries = await readdir(calls.path(path), { withFileTypes: true, encoding: 'latin1' as never });
  const below = [path];
  for (const entry of entries) {
    if (entry.isDirectory())
      below.push(...(await pathsBelow(calls, `${path === '/' ? '' : path}/${entry.name}`)));
  }
  return below;
}
