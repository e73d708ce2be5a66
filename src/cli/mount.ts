/**
 * `tasktrail mount DIR` and `tasktrail unmount DIR`: one more mount of what the daemon records. This process mounts, in
 * the mount namespace that it is in, and hands the device over to the daemon.
 */
import { resolve } from 'node:path';
import { Doorstep } from '../fs/handover.ts';
import { mountAt, undo, type Wanted } from '../fs/mounting.ts';
import { SystemCallError } from '../system/errno.ts';
import { unmount as unmountFuse } from '../system/fuse.ts';
import { connectionAt } from '../system/fuseControl.ts';
import { typedText } from './arguments.ts';
import { noDaemon } from './asking.ts';
import type { Context } from './context.ts';
import { Failure, usageFailure } from './failure.ts';

export interface MountOptions {
  readonly proc?: boolean;
  /** As typed behind each `-o`: names, separated by commas. */
  readonly options?: readonly string[];
}

/** mount(8) hands these on, and all of them are so in any case, or are not our affair. */
const withoutEffect = new Set(
  'defaults,rw,nosuid,nodev,noexec,auto,noauto,user,nouser,users,nofail,_netdev,relatime'.split(','),
);

export async function mount(context: Context, dir: string, options: MountOptions): Promise<void> {
  const folder = folderFrom(dir);
  const wanted = wantedFrom(options);
  const doorstep = openDoorstep(context);
  try {
    const mounted = mountAt(folder, wanted);
    const refused = doorstep.handOver(mounted);
    if (refused === '') return;
    undo(mounted);
    throw new Failure(`${folder} is not mounted: ${refused}`);
  } finally {
    doorstep.close();
  }
}

export async function unmount(_context: Context, dir: string): Promise<void> {
  const folder = folderFrom(dir);
  if (connectionAt(folder) === undefined) throw new Failure(`nothing of tasktrail is mounted at ${folder}`);
  unmountFuse(folder);
}

function openDoorstep(context: Context): Doorstep {
  const { path } = context.folder;
  try {
    return new Doorstep(path);
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    if (error.errno === 'EACCES') {
      throw new Failure(`no permission to mount: only root and the user of the daemon in ${path} may`);
    }
    return noDaemon(context);
  }
}

function wantedFrom({ proc = false, options = [] }: MountOptions): Wanted {
  const names = options.flatMap((typed) => typed.split(',')).filter((name) => name !== '');
  const known = new Set(['ro', 'proc', ...withoutEffect]);
  const unknown = names.find((name) => !known.has(name) && !name.startsWith('x-'));
  if (unknown !== undefined) throw usageFailure(`there is no option '${unknown}': there are ro, rw and proc`);
  return { shown: proc || names.includes('proc') ? 'proc' : 'tree', isReadOnly: names.includes('ro') };
}

function folderFrom(typed: string): string {
  const path = typedText(typed);
  if (path === undefined || path === '') throw usageFailure(`'${typed}' is no path in UTF-8`);
  return resolve(path);
}
