/**
 * Traits: what is known of a task and is not its alone: its names, its users, and how certain its place is. Each
 * combination is held once, under a number, for as long as a task has it; most children have their parent's but for the
 * program.
 */
import { assert } from '../events/assert.ts';
import type { Bytes } from '../events/bytes.ts';
import type { Certainty, CommandLine } from '../events/event.ts';
import { Interned } from './interned.ts';
import type { SnapshotReader } from './snapshot.ts';
import { Tuples } from './tuples.ts';

const certainties: readonly Certainty[] = ['known', 'inferred', 'unknown'];

/** Where in a tuple each stands. */
const comm = 0;
const program = 1;
const commandLine = 2;
const strings = [comm, program, commandLine];
const uid = 3;
const suid = 4;
const users = [uid, suid];
const certainty = 5;

export class Traits {
  readonly #tuples = new Tuples(6);
  /** Comms, program paths and command lines; a command line stands behind a mark that says whether it was cut. */
  readonly #strings = new Interned<Bytes>('');
  readonly #users = new Interned<number>(0);

  commOf(traits: number): Bytes {
    return this.#strings.at(this.#tuples.get(traits, comm));
  }

  programOf(traits: number): Bytes {
    return this.#strings.at(this.#tuples.get(traits, program));
  }

  /** As it is held: see `heldCommandLine`. */
  commandLineOf(traits: number): Bytes {
    return this.#strings.at(this.#tuples.get(traits, commandLine));
  }

  uidOf(traits: number): number {
    return this.#users.at(this.#tuples.get(traits, uid));
  }

  suidOf(traits: number): number {
    return this.#users.at(this.#tuples.get(traits, suid));
  }

  certaintyOf(traits: number): Certainty {
    const word = certainties[this.#tuples.get(traits, certainty)];
    assert(word, 'traits % have a certainty', traits);
    return word;
  }

  /** The number that stands for the certainty in snapshots. */
  certaintyNumberOf(traits: number): number {
    return this.#tuples.get(traits, certainty);
  }

  /** Begins to say what a task has: these traits (0: none), but for what is put before they are `settle`d. */
  draft(traits: number): void {
    this.#tuples.draft(traits);
  }

  putComm(value: Bytes): void {
    this.#putString(comm, value);
  }

  putProgram(value: Bytes): void {
    this.#putString(program, value);
  }

  putCommandLine(value: Bytes): void {
    this.#putString(commandLine, value);
  }

  putUsers(realUid: number, savedUid: number): void {
    this.#putUser(uid, realUid);
    this.#putUser(suid, savedUid);
  }

  putCertainty(value: Certainty): void {
    this.#tuples.put(certainty, certainties.indexOf(value));
  }

  /** The traits of the draft, which one task more has. */
  settle(): number {
    const traits = this.#tuples.drafted();
    if (this.#tuples.use(traits)) {
      for (const place of strings) this.#strings.use(this.#tuples.get(traits, place));
      for (const place of users) this.#users.use(this.#tuples.get(traits, place));
    }
    return traits;
  }

  /** One task less has them. */
  drop(traits: number): void {
    if (!this.#tuples.disuse(traits)) return;
    for (const place of strings) this.#strings.drop(this.#tuples.get(traits, place));
    for (const place of users) this.#users.drop(this.#tuples.get(traits, place));
    this.#tuples.forget(traits);
  }

  /** Reads what `count` tasks have; calls with the traits of each, which has them then. */
  load(reader: SnapshotReader, count: number, take: (traits: number, i: number) => void): void {
    const realUids = reader.numbers(count);
    const differences = reader.numbers(count);
    const [comms, programs, commandLines] = strings.map(() => this.#loadStrings(reader, count));
    reader.each(count, (number, i) => {
      const realUid = realUids[i] ?? 0;
      this.#tuples.put(comm, comms?.[i] ?? 0);
      this.#tuples.put(program, programs?.[i] ?? 0);
      this.#tuples.put(commandLine, commandLines?.[i] ?? 0);
      this.putUsers(realUid, realUid + (differences[i] ?? 0));
      this.#tuples.put(certainty, number);
      take(this.settle(), i);
    });
  }

  /** By task, the number of its string in here. */
  #loadStrings(reader: SnapshotReader, count: number): Float64Array {
    const known = new Map<number, number>();
    const numbers = reader.numbers(count);
    for (const [i, saved] of numbers.entries()) {
      const number = known.get(saved) ?? this.#strings.numberOf(reader.string(saved));
      known.set(saved, number);
      numbers[i] = number;
    }
    return numbers;
  }

  #putString(place: number, value: Bytes): void {
    if (this.#strings.at(this.#tuples.drawn(place)) === value) return;
    this.#tuples.put(place, this.#strings.numberOf(value));
  }

  #putUser(place: number, value: number): void {
    if (this.#users.at(this.#tuples.drawn(place)) === value) return;
    this.#tuples.put(place, this.#users.numberOf(value));
  }
}

/** A command line as one string; the empty one is for a task of which none is known. */
export function heldCommandLine({ arguments: bytes, cut }: CommandLine): Bytes {
  return `${cut ? '+' : '='}${bytes}`;
}

export function commandLineOf(held: Bytes): CommandLine | undefined {
  return held === '' ? undefined : { arguments: held.slice(1), cut: held.startsWith('+') };
}
