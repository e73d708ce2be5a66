/**
 * The installation: everything that the eBPF source has in the kernel. It is made here, for what is to be mirrored,
 * and runs from then on for as long as somebody holds it: a process by its descriptors, or pins (`pins.ts`).
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  attachProgram,
  createCounters,
  createHash as createHashMap,
  createRing,
  createText,
  loadProgram,
  type Program,
} from '../../system/bpf.ts';
import { messageOf } from '../../system/errno.ts';
import type { Btf } from './btf.ts';
import type { Descriptors } from './descriptors.ts';
import { groupPrograms } from './groupPrograms.ts';
import { lossCounters, type Sinks } from './parts.ts';
import type { Mirror } from './places.ts';
import { taskPrograms, uidChangeProgram } from './programs.ts';
import { placeEntry, recordVersion } from './record.ts';

/** The descriptors of it all, and what has to be known of it to read what it writes. */
export interface Installation extends Sinks {
  /** A map of one text, for whoever finds the installation later. */
  readonly about: number;
  readonly programs: ReadonlyMap<string, number>;
  readonly links: ReadonlyMap<string, number>;
  readonly ringBytes: number;
  /** What it cannot see, in words; empty where it sees all. */
  readonly blind: string;
}

/** What its programs are assembled for. */
export interface Purpose {
  readonly mirror: Mirror;
  /** The most that is read of a command line; 0 where none is. */
  readonly commandLineBytes: number;
}

export const aboutBytes = 8192;

/** More tasks than these are not kept track of by the kernel; those in the root need no place. */
const mostPlaces = 2 ** 18;

export function install(
  btf: Btf,
  purpose: Purpose,
  ringBytes: number,
  descriptors: Descriptors,
): Installation {
  const sinks = {
    ring: descriptors.keep(createRing('tasktrail_ring', ringBytes)),
    losses: descriptors.keep(createCounters('tasktrail_lost', lossCounters.count)),
    places: descriptors.keep(createHashMap('tasktrail_places', 4, placeEntry.sizeBytes, placesWanted())),
  };
  const about = descriptors.keep(createText('tasktrail_about', aboutBytes));
  const programs = new Map<string, number>();
  const links = new Map<string, number>();
  const run = (program: Program): void => {
    const fd = descriptors.keep(loadProgram(program));
    const link = descriptors.keep(attachProgram(program.name, fd));
    programs.set(program.name, fd);
    links.set(program.name, link);
  };
  for (const program of programsFor(btf, sinks, purpose)) run(program);
  const blind = runUidProgram(() => run(uidChangeProgram(btf, sinks)));
  return { ...sinks, about, programs, links, ringBytes, blind };
}

/**
 * A name for installations that are the same but for the size of the ring: whoever can read one can read the other.
 * It holds the version of the records and a hash of the programs as they are assembled for what is mirrored.
 */
export function makeOf(btf: Btf, { mirror, ...others }: Purpose): string {
  const nowhere = { ring: 0, losses: 0, places: 0 };
  // How many hierarchies the machine has only bounds a search; those that are mirrored come before the newer ones.
  const programs = programsFor(btf, nowhere, {
    mirror: { ...mirror, machineHierarchies: 0 },
    ...others,
  });
  const hash = createHash('sha256');
  for (const { name, code } of programs) hash.update(name).update(code);
  return `${recordVersion}-${hash.digest('hex').slice(0, 16)}`;
}

function programsFor(btf: Btf, sinks: Sinks, { mirror, commandLineBytes }: Purpose): Program[] {
  return [...groupPrograms(btf, sinks, mirror), ...taskPrograms(btf, sinks, mirror, commandLineBytes)];
}

/** Runs the program that sees changes of users, if the kernel lets it; says what cannot be seen if not. */
function runUidProgram(run: () => void): string {
  try {
    run();
    return '';
  } catch (error) {
    return `a task's change of user is seen only when it next executes a program or is looked at (${messageOf(error)})`;
  }
}

/** There are never more tasks than pids. */
function placesWanted(): number {
  return Math.min(Number(readFileSync('/proc/sys/kernel/pid_max', 'latin1')), mostPlaces);
}
