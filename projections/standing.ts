/**
 * How a task stood at an event: not born yet, living, and where, or ended. Found in stored lifelines by a look at one
 * value or a few, however long the log is. Pure but for its source; nothing is remembered from one call to the next.
 */
import { DecodeError, type RowReader } from '../events/rows.ts';
import { type Birth, readBirth } from './births.ts';
import { type Passage, readPassage } from './passages.ts';
import type { Places } from './places.ts';
import { pieceOf, type Scale, seqBefore, windowOf } from './scale.ts';

export type Standing =
  | { readonly state: 'unborn' }
  | { readonly state: 'living'; readonly places: Places }
  /** At this seq; 0 where that is not kept. */
  | { readonly state: 'ended'; readonly seq: number };

/** What is stored of lifelines, up to a block. Values are checked when they are read: damage is a `DecodeError`. */
export interface LifelineSource {
  readonly scale: Scale;
  /** The first block that is kept, and the one behind the last that is sealed. */
  readonly firstBlock: number;
  readonly endBlock: number;
  /** The block in which a task was born, if it was born in one of them; undefined where that was before the first. */
  blockOfTask(task: number): number | undefined;
  /** Undefined where there is none. */
  births(block: number): RowReader | undefined;
  piece(window: number, piece: number): RowReader | undefined;
}

/** The lifelines do not tell: a value of theirs is missing or damaged. The message is a phrase that says which. */
export class LifelineError extends Error {
  override readonly name = 'LifelineError';
}

/** The last seq that windows tell of. */
export function lastSeqOf({ scale, endBlock }: LifelineSource): number {
  const ended = Math.floor((endBlock * scale.blockEvents) / scale.windowEvents);
  return ended * scale.windowEvents;
}

/** Undefined where it was not born in a block that is sealed and kept. Throws a `LifelineError`. */
export function birthOf(source: LifelineSource, task: number): Birth | undefined {
  const block = source.blockOfTask(task);
  return block === undefined ? undefined : birthIn(source, task, block);
}

/** How a task stood behind `seq`, which is at most `lastSeqOf` and kept. Throws a `LifelineError`. */
export function standingAt(source: LifelineSource, task: number, seq: number): Standing {
  const { blockEvents } = source.scale;
  const block = source.blockOfTask(task);
  const seqBlock = Math.floor((seq - 1) / blockEvents);
  if (block !== undefined && block > seqBlock) return unborn;
  let birth: Birth | undefined;
  if (block === seqBlock) {
    birth = birthIn(source, task, block);
    if (birth === undefined || birth.seq > seq) return unborn;
  }
  const bornBehind = (block ?? source.firstBlock) * blockEvents;
  const bornWindow = windowOf(bornBehind + 1, source.scale);
  const walk = new Walk();
  for (let window = windowOf(seq, source.scale); window >= bornWindow; window--) {
    const passage = passageOf(source, task, window);
    const before = seqBefore(window, source.scale);
    if (walk.isEnd(passage, seq - before)) return { state: 'ended', seq: before + (passage.endOffset ?? 0) };
    if (passage.atBeginning) return walk.from(passage.atBeginning);
    const lacksInRoll = passage.rollDistance === 0;
    const wasBorn = block === undefined ? before >= bornBehind : before > bornBehind;
    if (lacksInRoll && wasBorn) return { state: 'ended', seq: endBefore(source, task, bornWindow, window) };
  }
  birth ??= block === undefined ? undefined : birthIn(source, task, block);
  if (birth === undefined) throw new LifelineError(`where task ${task} was born is not kept`);
  return walk.from(birth.places);
}

const unborn: Standing = { state: 'unborn' };

/** What is met on the way back from an event: the last move in each tree is what counts. */
class Walk {
  readonly #moved = new Map<number, number>();
  readonly #gone = new Set<number>();

  /** Takes in what happened up to an offset; whether the task ended by then. */
  isEnd({ endOffset, moves, treeEnds }: Passage, upTo: number): boolean {
    if (endOffset !== undefined && endOffset <= upTo) return true;
    for (const { offset, tree } of treeEnds) if (offset <= upTo) this.#gone.add(tree);
    for (let i = moves.length - 1; i >= 0; i--) {
      const move = moves[i];
      if (move === undefined || move.offset > upTo || this.#moved.has(move.tree)) continue;
      this.#moved.set(move.tree, move.container);
    }
    return false;
  }

  /** Where it is if it was in these places before. */
  from(before: Places): Standing {
    if (this.#moved.size === 0 && this.#gone.size === 0) return { state: 'living', places: before };
    const places = new Map(before);
    for (const [tree, container] of this.#moved) places.set(tree, container);
    for (const tree of this.#gone) places.delete(tree);
    return { state: 'living', places };
  }
}

/** Where a task ended that did so before a window: lives are short, so it is looked for from its birth on. */
function endBefore(source: LifelineSource, task: number, bornWindow: number, window: number): number {
  for (let at = bornWindow; at < window; at++) {
    const { endOffset } = passageOf(source, task, at);
    if (endOffset !== undefined) return seqBefore(at, source.scale) + endOffset;
  }
  return 0;
}

/** What a window, all of which is sealed, tells of a task. Throws a `LifelineError`. */
export function passageOf(source: LifelineSource, task: number, window: number): Passage {
  const { scale } = source;
  const piece = pieceOf(task, scale);
  return told(`piece ${piece} of window ${window}`, () => {
    const reader = source.piece(window, piece);
    return reader && readPassage(reader, task, scale.pieces);
  });
}

function birthIn(source: LifelineSource, task: number, block: number): Birth | undefined {
  const [birth] = told(`what tells of the births in block ${block}`, () => {
    const reader = source.births(block);
    return reader && ([readBirth(reader, task, block * source.scale.blockEvents)] as const);
  });
  return birth;
}

function told<Value>(what: string, read: () => Value | undefined): Value {
  let value: Value | undefined;
  try {
    value = read();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new LifelineError(`${what} is damaged: ${error.message}`);
  }
  if (value === undefined) throw new LifelineError(`${what} is missing`);
  return value;
}
