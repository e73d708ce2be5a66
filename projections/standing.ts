/**
 * How a task stood at an event: not born yet, living, and where, or ended. Found in stored lifelines by a look at one
 * value or a few, however long the log is. Pure but for its source; nothing is remembered from one call to the next.
 */
import { DecodeError, type RowReader } from '../events/rows.ts';
import { type Passage, readPassage } from './passages.ts';
import type { Places } from './places.ts';
import { pieceOf, type Scale, seqBefore, windowOf } from './scale.ts';

export type Standing =
  | { readonly state: 'unborn' }
  | { readonly state: 'living'; readonly places: Places }
  /** At this seq; 0 where that is not kept. */
  | { readonly state: 'ended'; readonly seq: number };

/** What is stored of lifelines. Values are checked when they are read: damage is a `DecodeError`. */
export interface LifelineSource {
  readonly scale: Scale;
  /** The first seq of which the events are kept, and the last one of which windows tell; 0 where none do. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** A seq at or before the birth of a task, and near it as far as that is known; undefined where that is not kept. */
  seqBeforeBirth(task: number): number | undefined;
  /** Undefined where there is none. */
  piece(window: number, piece: number): RowReader | undefined;
}

/** The lifelines do not tell: a value of theirs is missing or damaged. The message is a phrase that says which. */
export class LifelineError extends Error {
  override readonly name = 'LifelineError';
}

/** How a task stood behind `seq`, which is kept and at most `lastSeq`. Throws a `LifelineError`. */
export function standingAt(source: LifelineSource, task: number, seq: number): Standing {
  const firstWindow = windowOf(source.firstSeq, source.scale);
  const walk = new Walk();
  for (let window = windowOf(seq, source.scale); window >= firstWindow; window--) {
    const before = seqBefore(window, source.scale);
    const passage = passageOf(source, task, window);
    const { isOlder, beginning, endOffset = Number.POSITIVE_INFINITY, rollDistance } = passage;
    if (!isOlder && (beginning === undefined || before + beginning.offset > seq)) return { state: 'unborn' };
    if (before + endOffset <= seq) return { state: 'ended', seq: before + endOffset };
    walk.goBack(passage, seq - before);
    if (beginning) return walk.from(beginning.places);
    if (rollDistance === 0) return { state: 'ended', seq: endBefore(source, task, window) };
  }
  throw new LifelineError(`where task ${task} was before #${source.firstSeq} is not kept`);
}

/** What is met on the way back from an event: the last move in each tree is what counts. */
class Walk {
  readonly #moved = new Map<number, number>();
  readonly #gone = new Set<number>();

  /** Takes in what happened up to an offset. */
  goBack({ moves, treeEnds }: Passage, upTo: number): void {
    for (const { offset, tree } of treeEnds) if (offset <= upTo) this.#gone.add(tree);
    for (let i = moves.length - 1; i >= 0; i--) {
      const move = moves[i];
      if (move === undefined || move.offset > upTo || this.#moved.has(move.tree)) continue;
      this.#moved.set(move.tree, move.container);
    }
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
function endBefore(source: LifelineSource, task: number, window: number): number {
  const bornSeq = source.seqBeforeBirth(task) ?? source.firstSeq;
  for (let at = windowOf(bornSeq, source.scale); at < window; at++) {
    const { endOffset } = passageOf(source, task, at);
    if (endOffset !== undefined) return seqBefore(at, source.scale) + endOffset;
  }
  return 0;
}

/** What a window that is kept tells of a task. Throws a `LifelineError`. */
export function passageOf(source: LifelineSource, task: number, window: number): Passage {
  const { scale } = source;
  const piece = pieceOf(task, scale);
  let reader: RowReader | undefined;
  try {
    reader = source.piece(window, piece);
    if (reader) return readPassage(reader, task, scale.pieces);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new LifelineError(`piece ${piece} of window ${window} is damaged: ${error.message}`);
  }
  throw new LifelineError(`piece ${piece} of window ${window} is missing`);
}
