/**
 * What tasktrail needs of the rest of the machine: its own libraries, and a place on a disk.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { socketName, socketPathLimitBytes } from '../../http/api.ts';
import { hasCode } from '../../system/errno.ts';
import { koffi } from '../../system/libc.ts';
import { size } from '../format/count.ts';
import type { Probe } from './finding.ts';

export function machineProbes(folder: string): readonly Probe[] {
  return [
    {
      name: 'native libraries',
      needed: true,
      means: 'tasktrail cannot run at all: install it again on this machine, with `npm ci`',
      attempt: async () => {
        koffi().load(null);
        await import('classic-level');
        return `koffi and LevelDB load in Node ${process.versions.node} on ${process.arch}`;
      },
    },
    {
      name: 'data folder',
      needed: true,
      means: 'nothing can be stored there: choose another folder with --data, or another user',
      attempt: () => tryFolder(folder),
    },
    {
      name: 'disk space',
      needed: true,
      means: 'there is no room for a recording: make some, or choose another folder with --data',
      attempt: () => spaceFrom(statfsSync(nearestFolder(folder))),
    },
  ];
}

/** Below the one nothing is begun; below the other it is said that there is little. */
const spaceLimits = { leastBytes: 16 * 2 ** 20, fewBytes: 2 ** 30 } as const;

/** The magic number of tmpfs (include/uapi/linux/magic.h). */
const tmpfsType = 0x01021994;

interface Filesystem {
  readonly type: number;
  /** Free blocks for users other than root, and their size in bytes. */
  readonly bavail: number;
  readonly bsize: number;
}

export function spaceFrom({ type, bavail, bsize }: Filesystem): string {
  const freeBytes = bavail * bsize;
  if (freeBytes < spaceLimits.leastBytes)
    throw new Error(`only ${size(freeBytes)} are free (ENOSPC is near)`);
  const few = freeBytes < spaceLimits.fewBytes ? ', which is little' : '';
  const fleeting = type === tmpfsType ? ', in memory: the recording ends with the machine' : '';
  return `${size(freeBytes)} are free${few}${fleeting}`;
}

/** Stores something in the folder, for real, and leaves everything as it was. */
function tryFolder(folder: string): string {
  const socketPath = `${folder}/${socketName}`;
  if (Buffer.byteLength(socketPath) > socketPathLimitBytes) {
    throw new Error(
      `${folder} is too long a path for a socket in it: ${socketPathLimitBytes} bytes are possible`,
    );
  }
  const made: string[] = [];
  try {
    for (const path of missingFolders(folder)) {
      mkdirSync(path, { mode: 0o750 });
      made.push(path);
    }
    trySync(`${folder}/.doctor-${process.pid}`);
  } finally {
    for (const path of made.reverse()) rmdirSync(path);
  }
  return `a file can be written and synced in ${folder}${made.length === 0 ? '' : ', once it is made'}`;
}

function trySync(path: string): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    writeSync(fd, 'tasktrail doctor\n');
    fsyncSync(fd);
  } finally {
    closeSync(fd);
    rmSync(path);
  }
}

/** What has to be made for the folder to be there, the first to be made first. */
function missingFolders(folder: string): string[] {
  const there = nearestFolder(folder);
  const missing: string[] = [];
  for (let at = folder; at !== there; at = dirname(at)) missing.push(at);
  return missing.reverse();
}

/** The folder, or the first above it that there is. */
function nearestFolder(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    try {
      statfsSync(at);
      return at;
    } catch (error) {
      // The root is always there, so that this ends.
      if (!hasCode(error, 'ENOENT') || at === '/') throw error;
    }
  }
}
