/**
 * The hammered phase: the mixed storm, while clients hammer the mount without a pause, reading and writing. The thread
 * that answers them is the one that records.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { compile } from '../programs.ts';
import { type Check, mixedPhase, type Phase } from './phases.ts';

/** How many clients do what; of them each has a container of its own. */
const readers = 2;
const writers = 2;

export const hammeredPhase: Phase = {
  ...mixedPhase,
  what: `${mixedPhase.what}, with ${readers + writers} clients that hammer the mount`,
  isMounted: true,
  async run(recording, seconds, { mountPoint = '' } = {}) {
    const [check, read, written] = await Promise.all([
      mixedPhase.run(recording, seconds),
      hammer(mountPoint, 'read', readers, seconds),
      hammer(mountPoint, 'move', writers, seconds),
    ]);
    return (tallies) => [...check(tallies), atLeastOne('reads', read), atLeastOne('moves', written)];
  },
};

/** What so many clients have done meanwhile. The daemon is in this process: they are others. */
async function hammer(mountPoint: string, deed: string, clients: number, seconds: number): Promise<number> {
  const typed = [mountPoint, deed, String(clients), String(seconds * 1000)];
  const { stdout } = await promisify(execFile)(compile('fsClients'), typed);
  return Number(/^deeds (\d+)$/m.exec(stdout)?.[1]);
}

function atLeastOne(what: string, found: number): Check {
  return { of: 'deeds', what: `${what} through the mount`, expected: 'any', found, right: found > 0 };
}
