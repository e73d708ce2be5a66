/**
 * `tasktrail down`: stops the daemon in order, and says whether the kernel goes on recording. With `--unload` it does
 * not, and where no daemon runs, what one has left in the kernel is taken away.
 */
import { setTimeout } from 'node:timers/promises';
import type { Status } from '../engine/reader.ts';
import { DaemonError, HttpReader } from '../http/client.ts';
import { endPinned, pinnedFor } from '../pinned.ts';
import { isRunning } from '../system/process.ts';
import { answered } from './asking.ts';
import type { Context } from './context.ts';
import { Failure } from './failure.ts';
import { counted, size } from './format/count.ts';

export interface DownOptions {
  readonly unload?: boolean;
}

/** What has come of it. */
interface Stopped {
  /** The daemon that has ended; missing where none ran. */
  readonly daemonPid?: number;
  /** The rings in the kernel that go on, and those that were taken away now. */
  readonly kept: number;
  readonly unloaded: number;
}

export async function down(context: Context, { unload = false }: DownOptions): Promise<void> {
  const daemonPid = await stopDaemon(context, unload);
  const unloaded = unload ? endPinned(context.folder.path) : 0;
  if (daemonPid === undefined && unloaded === 0) throw new Failure(nothingToStop(context, unload));
  const kept = pinnedFor(context.folder.path);
  const stopped: Stopped = {
    ...(daemonPid !== undefined && { daemonPid }),
    kept: kept.length,
    unloaded,
  };
  if (context.json) context.terminal.print(JSON.stringify(stopped));
  else for (const line of linesOf(stopped, kept[0]?.ringBytes, context)) context.terminal.print(line);
}

/** The pid that it had; undefined where none runs. Resolves when its process is no more. */
async function stopDaemon(context: Context, unload: boolean): Promise<number | undefined> {
  const reader = new HttpReader(context.folder.path);
  const status = await statusOf(reader);
  if (status?.daemonPid === undefined) return undefined;
  const { daemonPid } = status;
  answered('down', await reader.command('down', { unload }));
  while (isRunning(daemonPid)) await setTimeout(endCheckMs);
  return daemonPid;
}

const endCheckMs = 20;

async function statusOf(reader: HttpReader): Promise<Status | undefined> {
  try {
    return await reader.status();
  } catch (error) {
    if (error instanceof DaemonError && error.reason === 'absent') return undefined;
    throw error;
  }
}

function nothingToStop(context: Context, unload: boolean): string {
  const { path } = context.folder;
  if (unload) return `no daemon records in ${path}, and the kernel keeps nothing for it`;
  const goesOn = pinnedFor(path).length > 0;
  return `no daemon records in ${path}${goesOn ? `; the kernel goes on: end that with \`${context.typed('down --unload')}\`` : ''}`;
}

function linesOf({ daemonPid, kept, unloaded }: Stopped, ringBytes = 0, context: Context): readonly string[] {
  return [
    ...(daemonPid === undefined ? [] : [`the daemon, pid ${daemonPid}, has stopped`]),
    ...(kept > 0 ? keptLines(ringBytes, context) : ['the kernel records nothing for it any more']),
    ...(daemonPid === undefined ? [`${counted(unloaded, 'ring')} taken away`] : []),
  ];
}

/** What whoever stops a daemon ought to know of what goes on. */
export function keptLines(ringBytes: number, context: Context): readonly string[] {
  return [
    `the kernel goes on recording, into a ring of ${size(ringBytes)}: \`${context.typed('up')}\` takes it over, ` +
      `\`${context.typed('down --unload')}\` ends it`,
  ];
}
