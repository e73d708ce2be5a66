/**
 * fusermount3, the program by which whoever is not root mounts and unmounts a FUSE filesystem (fusermount3(1)). It opens
 * the device, mounts it, and hands its descriptor back over a socket.
 */
import { spawnSync } from 'node:child_process';
import { hasCode } from './errno.ts';
import { libc } from './libc.ts';
import { receiveFrom, socketPair } from './unixMessages.ts';

const program = 'fusermount3';
/** It works for a few milliseconds. */
const limitMs = 5000;

/** Mounts at a folder, for nobody but the user himself. Returns the device. Throws one phrase for a person. */
export function mountThroughHelper(folder: string, options: readonly string[]): number {
  const [ours, theirs] = socketPair();
  try {
    const done = run(['-o', options.join(','), '--', folder], theirs);
    if (done !== '') throw new Error(done);
    const device = receiveFrom(ours, 0)?.descriptor;
    if (device === undefined) throw new Error(`${program} has handed over no device`);
    return device;
  } finally {
    libc().close(ours);
    libc().close(theirs);
  }
}

/** Takes a mount away, at once for everybody who is not in there. */
export function unmountThroughHelper(folder: string): void {
  const done = run(['-u', '-z', '--', folder]);
  if (done !== '') throw new Error(done);
}

/** Resolves with nothing, or with why it failed. The descriptor is its number 3. */
function run(args: readonly string[], descriptor?: number): string {
  const { error, status, stderr } = spawnSync(program, args, {
    stdio: ['ignore', 'ignore', 'pipe', ...(descriptor === undefined ? [] : [descriptor])],
    env: { ...process.env, _FUSE_COMMFD: '3' },
    encoding: 'utf8',
    timeout: limitMs,
  });
  if (hasCode(error, 'ENOENT'))
    return `${program} is not installed: who is not root needs it (package fuse3)`;
  if (error) return `${program}: ${error.message}`;
  return status === 0 ? '' : stderr.trim() || `${program} has failed`;
}
