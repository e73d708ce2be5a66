/**
 * The decoder: records of the ring in, observations out. It runs for every event of the machine, so it makes
 * nothing but the observation itself; names are decoded once and remembered.
 */
import type { Bytes } from '../../../events/bytes.ts';
import type { CommandLine } from '../../../events/event.ts';
import type { Doer, GroupId, Observation, TaskSeen } from '../../ports.ts';
import { type CommandLines, commandLineOf } from '../commandLines.ts';
import type { GenerationAbout } from './installation.ts';
import {
  commBytes,
  commRecord,
  execRecord,
  exitRecord,
  forkRecord,
  groupNameBytes,
  groupNamedRecord,
  groupRemovedRecord,
  hierarchyGoneRecord,
  movedRecord,
  programBytes,
  recordTypes,
  uidRecord,
} from './record.ts';

/** Where a record holds the users. */
type UidLayout = Pick<typeof uidRecord | typeof execRecord, 'uid' | 'suid'>;
type UidSeen = Extract<Observation, { readonly type: 'uid' }>;
type DoerLayout = Pick<typeof movedRecord | typeof groupRemovedRecord, 'byPid' | 'byUid' | 'byGid'>;
type See = (observation: Observation) => void;

const twoTo32 = 2 ** 32;
const nanosecondsPerMicrosecond = 1000;

/** How many names are remembered; a power of two. Another name in the same place takes it over. */
const rememberedComms = 1024;
const commWords = commBytes / 4;

export class Decoder {
  readonly #pageBytes: number;
  readonly #hierarchies: readonly number[];
  readonly #commandLines: CommandLines | undefined;
  /** How many bytes of a command line a record holds at most. */
  readonly #heldBytes: number;
  /** Remembered names, as they stand in a record and as byte strings. */
  readonly #commKeys = new Uint32Array(rememberedComms * commWords);
  readonly #comms: Bytes[] = new Array(rememberedComms).fill('');
  /** Mirrored hierarchies that are no more. */
  readonly #gone: Set<number>;
  #bootUs = 0;

  /**
   * Reads what programs write that mirror these hierarchies and hold command lines so far, on a machine with pages of
   * this size. `commandLines` says what of them is told, and nothing is where it is absent; `gone` are those of the
   * hierarchies that are no more.
   */
  constructor(
    pageBytes: number,
    { hierarchies, commandLineBytes }: Pick<GenerationAbout, 'hierarchies' | 'commandLineBytes'>,
    commandLines?: CommandLines,
    gone: readonly number[] = [],
  ) {
    this.#pageBytes = pageBytes;
    this.#hierarchies = hierarchies;
    this.#heldBytes = commandLineBytes;
    this.#commandLines = commandLines;
    this.#gone = new Set(gone);
  }

  /** The newest time of all observations so far: BOOTTIME, microseconds. */
  get bootUs(): number {
    return this.#bootUs;
  }

  /**
   * Hands over the observation of the record that begins at this word. An exec gives two: it may change the users,
   * and by its record they are known even where a change of users cannot be seen.
   */
  decode(words: Uint32Array, at: number, see: See): void {
    const pid = word(words, at, forkRecord.pid);
    const bootUs = long(words, at, forkRecord.bootUs);
    if (bootUs > this.#bootUs) this.#bootUs = bootUs;
    switch (word(words, at, forkRecord.type)) {
      case recordTypes.fork:
        see({ type: 'fork', bootUs, ...this.task(words, at), ...placeOf(words, at) });
        return;
      case recordTypes.exit:
        see({
          type: 'exit',
          bootUs,
          pid,
          status: word(words, at, exitRecord.status),
          cpuUs: Math.floor(long(words, at, exitRecord.cpuNs) / nanosecondsPerMicrosecond),
          peakBytes: word(words, at, exitRecord.peakPages) * this.#pageBytes,
        });
        return;
      case recordTypes.exec:
        see({
          type: 'exec',
          bootUs,
          pid,
          oldPid: word(words, at, execRecord.oldPid),
          startTicks: long(words, at, execRecord.startTicks),
          comm: this.#comm(words, at + execRecord.comm / 4),
          program: programOf(words, at),
          ...this.#commandLine(words, at),
        });
        see(uidSeen(words, at, pid, bootUs, execRecord));
        return;
      case recordTypes.comm:
        see({ type: 'comm', bootUs, pid, comm: this.#comm(words, at + commRecord.comm / 4) });
        return;
      case recordTypes.uid:
        see(uidSeen(words, at, pid, bootUs, uidRecord));
        return;
      case recordTypes.oom:
        see({ type: 'oom', bootUs, pid });
        return;
      case recordTypes.moved:
        see({
          type: 'moved',
          bootUs,
          pid,
          tgid: word(words, at, movedRecord.tgid),
          whole: word(words, at, movedRecord.whole) !== 0,
          ...groupOf(words, at),
          by: doerOf(words, at, movedRecord),
        });
        return;
      case recordTypes.groupMade:
        see({
          type: 'groupMade',
          bootUs,
          ...groupOf(words, at),
          parent: long(words, at, groupNamedRecord.parent),
          name: terminated(words, at + groupNamedRecord.name / 4, groupNameBytes),
          by: doerOf(words, at, groupNamedRecord),
        });
        return;
      case recordTypes.groupRenamed:
        see({
          type: 'groupRenamed',
          bootUs,
          ...groupOf(words, at),
          name: terminated(words, at + groupNamedRecord.name / 4, groupNameBytes),
          by: doerOf(words, at, groupNamedRecord),
        });
        return;
      case recordTypes.groupRemoved:
        see({
          type: 'groupRemoved',
          bootUs,
          ...groupOf(words, at),
          by: doerOf(words, at, groupRemovedRecord),
        });
        return;
      case recordTypes.hierarchyGone: {
        const hierarchy = word(words, at, hierarchyGoneRecord.hierarchy);
        this.#gone.add(hierarchy);
        see({ type: 'hierarchyGone', bootUs, hierarchy });
        return;
      }
      default:
        throw new Error(`the ring holds a record of the unknown type ${word(words, at, forkRecord.type)}`);
    }
  }

  /** What the record of a fork that begins at this word tells of the task. */
  task(words: Uint32Array, at: number): TaskSeen {
    return {
      pid: word(words, at, forkRecord.pid),
      tgid: word(words, at, forkRecord.tgid),
      startTicks: long(words, at, forkRecord.startTicks),
      uid: word(words, at, forkRecord.uid),
      suid: word(words, at, forkRecord.suid),
      comm: this.#comm(words, at + forkRecord.comm / 4),
      parentPid: word(words, at, forkRecord.parentPid),
      ...this.#groups(words, at),
    };
  }

  /** The groups that a fork's record holds. A place with no group is one that was not found. */
  #groups(words: Uint32Array, at: number): Pick<TaskSeen, 'groups' | 'unplaced'> {
    if (this.#hierarchies.length === 0) return {};
    const groups: GroupId[] = [];
    for (let place = 0; place < this.#hierarchies.length; place++) {
      const group = long(words, at, forkRecord.groups + 8 * place);
      if (group !== 0) groups.push({ hierarchy: this.#hierarchies[place] ?? 0, group });
    }
    const isWhole = groups.length + this.#gone.size >= this.#hierarchies.length;
    return isWhole ? { groups } : { groups, unplaced: true };
  }

  #commandLine(words: Uint32Array, at: number): { readonly commandLine?: CommandLine } {
    if (this.#commandLines === undefined || this.#heldBytes === 0) return {};
    const limitBytes = Math.min(this.#heldBytes, this.#commandLines.limitBytes);
    const length = long(words, at, execRecord.commandLineLength);
    const toldBytes = Math.min(length, limitBytes);
    const told = bytesAt(words, at + execRecord.commandLine / 4, toldBytes).toString('latin1');
    const commandLine = commandLineOf(told, length, { ...this.#commandLines, limitBytes });
    return commandLine ? { commandLine } : {};
  }

  #comm(words: Uint32Array, at: number): Bytes {
    const a = words[at] ?? 0;
    const b = words[at + 1] ?? 0;
    const c = words[at + 2] ?? 0;
    const d = words[at + 3] ?? 0;
    const mixed = Math.imul(a ^ Math.imul(b ^ Math.imul(c ^ Math.imul(d, 31), 31), 31), 0x9e3779b1);
    const place = mixed >>> (32 - Math.log2(rememberedComms));
    const key = place * commWords;
    const keys = this.#commKeys;
    if (keys[key] !== a || keys[key + 1] !== b || keys[key + 2] !== c || keys[key + 3] !== d) {
      keys.set([a, b, c, d], key);
      this.#comms[place] = terminated(words, at, commBytes);
    }
    return this.#comms[place] ?? '';
  }
}

/** Nothing where the kernel does not know. */
function placeOf(words: Uint32Array, at: number): { readonly place?: number } {
  const place = long(words, at, forkRecord.place);
  return Number.isSafeInteger(place) ? { place } : {};
}

function uidSeen(words: Uint32Array, at: number, pid: number, bootUs: number, layout: UidLayout): UidSeen {
  const uid = word(words, at, layout.uid);
  return { type: 'uid', bootUs, pid, uid, suid: word(words, at, layout.suid) };
}

function groupOf(words: Uint32Array, at: number): GroupId {
  return {
    hierarchy: word(words, at, groupRemovedRecord.hierarchy),
    group: long(words, at, groupRemovedRecord.group),
  };
}

function doerOf(words: Uint32Array, at: number, layout: DoerLayout): Doer {
  return {
    pid: word(words, at, layout.byPid),
    uid: word(words, at, layout.byUid),
    gid: word(words, at, layout.byGid),
  };
}

function programOf(words: Uint32Array, at: number): Bytes {
  const length = word(words, at, execRecord.programLength);
  if (length > programBytes) return '';
  return terminated(words, at + execRecord.program / 4, length);
}

/** The bytes from this word on up to the first zero, at most `limit`, as a byte string. */
function terminated(words: Uint32Array, at: number, limit: number): Bytes {
  const bytes = bytesAt(words, at, limit);
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end === -1 ? limit : end);
}

function bytesAt(words: Uint32Array, at: number, sizeBytes: number): Buffer {
  return Buffer.from(words.buffer, words.byteOffset + 4 * at, sizeBytes);
}

function word(words: Uint32Array, at: number, offsetBytes: number): number {
  return words[at + offsetBytes / 4] ?? 0;
}

/** A 64-bit number that fits a double: microseconds and ticks since boot do for centuries. */
function long(words: Uint32Array, at: number, offsetBytes: number): number {
  return word(words, at, offsetBytes) + twoTo32 * word(words, at, offsetBytes + 4);
}
