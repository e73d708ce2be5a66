/**
 * The installation: everything that the eBPF source has in the kernel. It runs for as long as somebody holds it: a
 * process by its descriptors, or pins (`pins.ts`).
 *
 * What lasts are the hooks (`hooks.ts`), the counters of losses and the map of places. What changes with what is asked
 * for, and with the version of tasktrail, is a generation: programs, and the ring that they write into. A new one is
 * added beside the old one and takes over from it in one instant; the old one's ring stays until it has been read.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readBootClock } from '../../system/bootClock.ts';
import {
  awaitRunningPrograms,
  createCounters,
  createHash as createHashMap,
  createRing,
  createText,
  loadProgram,
  type Program,
  readEntry,
  writeEntry,
} from '../../system/bpf.ts';
import { messageOf } from '../../system/errno.ts';
import type { Btf } from './btf.ts';
import type { Descriptors } from './descriptors.ts';
import { groupPrograms } from './groupPrograms.ts';
import { attachHook, clearSlot, fillSlot, type Hook } from './hooks.ts';
import { lossCounters, type Sinks } from './parts.ts';
import type { Mirror } from './places.ts';
import { taskPrograms, uidChangeProgram } from './programs.ts';
import { placeEntry, recordVersion } from './record.ts';

/** The descriptors of what lasts, and all generations whose rings are still there. */
export interface Installation {
  /** A map of one number: which generation it is that records. */
  readonly turn: number;
  readonly losses: number;
  readonly places: number;
  /** A map of one text, for whoever finds the installation later. */
  readonly about: number;
  /** By the names of their programs. */
  readonly hooks: Map<string, Hook>;
  /** Oldest first, and none behind the one whose turn it is. */
  readonly generations: Generation[];
}

/** A generation: the descriptors of its ring and of the text that says the rest, which is needed to read the ring. */
export interface Generation extends GenerationAbout {
  readonly number: number;
  readonly ring: number;
  readonly about: number;
}

export interface GenerationAbout {
  /** The same for all whose programs and records are the same. */
  readonly make: string;
  readonly ringBytes: number;
  /** The kernel's ids of the hierarchies that are mirrored, in the order in which a record names their groups. */
  readonly hierarchies: readonly number[];
  /** The most that a record holds of a command line; 0 for none. */
  readonly commandLineBytes: number;
  /** It records nothing that happened before this: BOOTTIME, microseconds. */
  readonly sinceUs: number;
  /** What it cannot see, in words; empty where it sees all. */
  readonly blind: string;
}

/** What a generation's programs are assembled for. */
export interface Purpose {
  readonly mirror: Mirror;
  /** The most that is read of a command line; 0 where none is. */
  readonly commandLineBytes: number;
}

const aboutBytes = 8192;

/** More tasks than these are not kept track of by the kernel; those in the root need no place. */
const mostPlaces = 2 ** 18;

const firstKey = new Uint32Array(1);

/** An installation in which nothing records yet. */
export function createInstallation(descriptors: Descriptors): Installation {
  return {
    turn: descriptors.keep(createCounters('tasktrail_turn', 1)),
    losses: descriptors.keep(createCounters('tasktrail_lost', lossCounters.count)),
    places: descriptors.keep(createHashMap('tasktrail_places', 4, placeEntry.sizeBytes, placesWanted())),
    about: descriptors.keep(createText('tasktrail_about', aboutBytes)),
    hooks: new Map(),
    generations: [],
  };
}

/** Loads the next generation, and ties the hooks that it needs and that are not there; it does not record yet. */
export function prepareGeneration(
  installation: Installation,
  btf: Btf,
  purpose: Purpose,
  ringBytes: number,
  descriptors: Descriptors,
): Generation {
  const { losses, places, turn, hooks, generations } = installation;
  const number = (generations.at(-1)?.number ?? 0) + 1;
  const sinks = { ring: descriptors.keep(createRing('tasktrail_ring', ringBytes)), losses, places };
  // Somebody may have been killed who had got as far as this.
  for (const hook of hooks.values()) clearSlot(hook, number);
  const load = (program: Program): void => {
    const hook = hooks.get(program.name) ?? attachHook(program, turn, descriptors);
    hooks.set(program.name, hook);
    const fd = descriptors.keep(loadProgram(program));
    fillSlot(hook, number, fd);
    // The slot holds it.
    descriptors.release(fd);
  };
  for (const program of programsFor(btf, sinks, purpose)) load(program);
  const blind = loadUidProgram(() => load(uidChangeProgram(btf, sinks)));
  const about = descriptors.keep(createText('tasktrail_about', aboutBytes));
  const { mirror, commandLineBytes } = purpose;
  const says: GenerationAbout = {
    make: makeOf(btf, purpose),
    ringBytes,
    hierarchies: mirror.hierarchies,
    commandLineBytes,
    sinceUs: readBootClock().bootUs,
    blind,
  };
  writeText(about, says);
  return { ...says, number, ring: sinks.ring, about };
}

/** From here on it is this generation that records. */
export function takeOver(installation: Installation, generation: Generation): void {
  writeTurn(installation.turn, generation.number);
  installation.generations.push(generation);
}

/** When this returns, all rings but the newest are whole: nothing will be written into them any more. */
export function settleGenerations({ turn, hooks, generations }: Installation): void {
  const newest = generations.at(-1);
  if (!newest || generations.length === 1) return;
  awaitRunningPrograms(turn);
  for (const hook of hooks.values()) clearSlot(hook, newest.number - 1);
}

/**
 * A name for generations that are the same but for the size of the ring. It holds the version of the records and a hash
 * of the programs as they are assembled for what is mirrored.
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

/** Which generation it is that records. */
export function readTurn(turn: number): number {
  const value = new BigUint64Array(1);
  readEntry(turn, firstKey, value);
  return Number(value[0]);
}

function writeTurn(turn: number, generation: number): void {
  writeEntry(turn, firstKey, BigUint64Array.of(BigInt(generation)));
}

/** Writes what JSON can say into a map of one text. */
export function writeText(map: number, says: object): void {
  const text = new Uint8Array(aboutBytes);
  const { written } = new TextEncoder().encodeInto(JSON.stringify(says), text);
  if (written === aboutBytes)
    throw new Error('the path of the recording is too long to be kept in the kernel');
  writeEntry(map, firstKey, text);
}

/** What `writeText` wrote. */
export function readText(map: number): unknown {
  const text = new Uint8Array(aboutBytes);
  readEntry(map, firstKey, text);
  return JSON.parse(new TextDecoder().decode(text.subarray(0, text.indexOf(0))));
}

function programsFor(btf: Btf, sinks: Sinks, { mirror, commandLineBytes }: Purpose): Program[] {
  return [...groupPrograms(btf, sinks, mirror), ...taskPrograms(btf, sinks, mirror, commandLineBytes)];
}

/** Loads the program that sees changes of users, if the kernel lets it; says what cannot be seen if not. */
function loadUidProgram(load: () => void): string {
  try {
    load();
    return '';
  } catch (error) {
    return `a task's change of user is seen only when it next executes a program or is looked at (${messageOf(error)})`;
  }
}

/** There are never more tasks than pids. */
function placesWanted(): number {
  return Math.min(Number(readFileSync('/proc/sys/kernel/pid_max', 'latin1')), mostPlaces);
}
