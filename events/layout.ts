/**
 * The layout of stored events: for every type of fact its code and its fields in stored order, each with
 * the kind that says how it becomes bytes. `codec.ts` builds both directions from this one table, and the
 * table is typed against the union: a missing, surplus or wrongly kinded field does not compile.
 *
 * Codes, words' numbers and orders are stored in recordings for good: they may be added to, never changed.
 */
import type { Bytes } from './bytes.ts';
import type { By, Certainty, EventType, Fact, GapReason, Node, ReleaseCause } from './event.ts';

/** What a field of each kind holds in a fact. */
export interface KindValues {
  /** A whole number from 0 to 2^53-1. */
  uint: number;
  /** A short list of such numbers. */
  uints: readonly number[];
  /** A whole number from -2^52 to 2^52-1. */
  int: number;
  flag: boolean;
  bytes: Bytes;
  /** Text that people wrote, stored as UTF-8; a lone surrogate becomes U+FFFD. */
  text: string;
  by: By;
  certainty: Certainty;
  reason: GapReason;
  cause: ReleaseCause;
  node: Node;
}

export type Kind = keyof KindValues;

/** The kinds that hold one of a few words. */
export type WordKind = 'certainty' | 'reason' | 'cause' | 'node';

/** The number that stands for each word; dense from 0. */
export const words: { readonly [K in WordKind]: Readonly<Record<KindValues[K], number>> } = {
  certainty: { known: 0, inferred: 1, unknown: 2 },
  reason: { overflow: 0, stopped: 1, nonsense: 2, unplaced: 3, unsound: 4, full: 5 },
  cause: { exit: 0, attach: 1, rmdir: 2, look: 3 },
  node: { directory: 0, tasks: 1, notify_on_release: 2, release_agent: 3 },
};

type FactOf<T extends EventType> = Extract<Fact, { readonly type: T }>;

/** The kinds whose values are exactly the values of `V`, no wider and no narrower. */
type KindOf<V> = {
  [K in Kind]: [V] extends [KindValues[K]] ? ([KindValues[K]] extends [V] ? K : never) : never;
}[Kind];

type Fields<F extends Fact> = { readonly [Name in Exclude<keyof F, 'type'>]: KindOf<F[Name]> };

export interface Layout<T extends EventType> {
  /** 1–127, so that it is one byte. */
  readonly code: number;
  /** In stored order, which is the order they are written in here. */
  readonly fields: Fields<FactOf<T>>;
}

export const layouts: { readonly [T in EventType]: Layout<T> } = {
  recording: { code: 1, fields: { id: 'text', version: 'text' } },
  source: { code: 2, fields: { name: 'text', bootId: 'text', blind: 'text' } },
  stop: { code: 3, fields: {} },
  tree: {
    code: 4,
    fields: {
      tree: 'uint',
      name: 'bytes',
      container: 'uint',
      hierarchy: 'uint',
      group: 'uint',
      mountPoint: 'bytes',
    },
  },
  untree: { code: 7, fields: { tree: 'uint' } },
  clock: { code: 5, fields: { offsetUs: 'int' } },
  gap: { code: 6, fields: { reason: 'reason', lost: 'uint', sinceUs: 'uint', detail: 'text' } },
  stall: { code: 8, fields: { lengthUs: 'uint' } },

  adopt: {
    code: 16,
    fields: {
      task: 'uint',
      parent: 'uint',
      container: 'uint',
      mirrored: 'uints',
      pid: 'uint',
      tgid: 'uint',
      startTicks: 'uint',
      uid: 'uint',
      suid: 'uint',
      comm: 'bytes',
      certainty: 'certainty',
    },
  },
  fork: {
    code: 17,
    fields: {
      task: 'uint',
      parent: 'uint',
      into: 'uints',
      pid: 'uint',
      tgid: 'uint',
      startTicks: 'uint',
      uid: 'uint',
      suid: 'uint',
      comm: 'bytes',
    },
  },
  exec: {
    code: 18,
    fields: { task: 'uint', pid: 'uint', startTicks: 'uint', comm: 'bytes', program: 'bytes' },
  },
  comm: { code: 19, fields: { task: 'uint', comm: 'bytes' } },
  uid: { code: 20, fields: { task: 'uint', uid: 'uint', suid: 'uint' } },
  exit: {
    code: 21,
    fields: {
      task: 'uint',
      code: 'uint',
      signal: 'uint',
      cpuUs: 'uint',
      peakBytes: 'uint',
      certainty: 'certainty',
    },
  },
  oom: { code: 22, fields: { task: 'uint' } },
  cmdline: { code: 23, fields: { task: 'uint', arguments: 'bytes', cut: 'flag' } },

  mkdir: {
    code: 32,
    fields: {
      container: 'uint',
      parent: 'uint',
      name: 'bytes',
      group: 'uint',
      mode: 'uint',
      uid: 'uint',
      gid: 'uint',
      notify: 'flag',
      by: 'by',
    },
  },
  rmdir: { code: 33, fields: { container: 'uint', by: 'by' } },
  rename: { code: 34, fields: { container: 'uint', name: 'bytes', by: 'by' } },
  attach: { code: 35, fields: { task: 'uint', container: 'uint', by: 'by', certainty: 'certainty' } },
  flag: { code: 36, fields: { container: 'uint', on: 'flag', by: 'by' } },
  attr: {
    code: 37,
    fields: { container: 'uint', node: 'node', mode: 'uint', uid: 'uint', gid: 'uint', by: 'by' },
  },

  populated: { code: 38, fields: { container: 'uint' } },
  empty: { code: 39, fields: { container: 'uint' } },
  name: { code: 40, fields: { container: 'uint', name: 'bytes' } },

  release: { code: 48, fields: { container: 'uint', path: 'bytes', cause: 'cause', task: 'uint' } },
  agent: { code: 49, fields: { release: 'uint', attempt: 'uint', program: 'bytes' } },
  outcome: {
    code: 50,
    fields: { release: 'uint', attempt: 'uint', code: 'uint', signal: 'uint', error: 'text' },
  },
  stale: { code: 51, fields: { release: 'uint' } },
  appoint: { code: 52, fields: { program: 'bytes', by: 'by' } },

  refused: {
    code: 64,
    fields: { command: 'text', path: 'bytes', errno: 'text', saw: 'text', by: 'by' },
  },
  suppressed: { code: 65, fields: { uid: 'uint', count: 'uint' } },
};
