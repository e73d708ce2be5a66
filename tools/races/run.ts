/**
 * Fork races: a program in a container that forks and at once reads its container's `tasks` file through the mount.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compile } from '../programs.ts';
import { Recording } from '../recording.ts';

export interface Outcome {
  /** How often something was looked for. */
  readonly asked: number;
  /** How often it was not there, or was there still. */
  readonly missed: number;
}

/** Forks so many times, in a recording of its own, which drains its source before it answers or does not. */
export async function runRaces(times: number, drainBeforeDecide: boolean): Promise<Outcome> {
  const mount = mkdtempSync(join(tmpdir(), 'tasktrail-races-'));
  const recording = await Recording.start({
    source: 'ebpf',
    drainBeforeDecide,
    mount: { folder: mount, isRequired: true },
  });
  try {
    await recording.mkdir('/races');
    // The daemon is in this process: whoever asks it through the mount is another one.
    const { stdout } = await promisify(execFile)(compile('forkRaces'), [
      join(mount, 'races', 'tasks'),
      String(times),
    ]);
    const said = new Map(stdout.split('\n').map((line) => line.split(' ') as [string, string]));
    return { asked: Number(said.get('asked')), missed: Number(said.get('missed')) };
  } finally {
    await recording.stop(async () => {});
    rmdirSync(mount);
  }
}
