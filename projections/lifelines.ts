/**
 * Lifelines: a fold that tells of every task when it was born and where, how it moved, and when it ended, in portions
 * that are written once, when a block or a window has ended. Whoever keeps them finds what any task did at any time
 * without a look at other events (`standing.ts`). It runs beside a hierarchy, to which each event must have been applied.
 */
import { assert } from '../events/assert.ts';
import type { Event } from '../events/event.ts';
import type { RowWriter } from '../events/rows.ts';
import { type Birth, writeBirths } from './births.ts';
import type { Hierarchy } from './hierarchy.ts';
import { type Draft, type Rolled, rollOf, type TreeEnd, writePiece } from './passages.ts';
import { placesOf } from './places.ts';
import { pieceOf, type Scale, seqBefore } from './scale.ts';

export class Lifelines {
  readonly scale: Scale;
  readonly #hierarchy: Hierarchy;
  #window: number;
  #rollWindow: number;
  /** By piece, the roll of this window, where it has one. */
  #rolls: readonly Uint8Array[] = [];
  #drafts: readonly Draft[] = [];
  #treeEnds: TreeEnd[] = [];
  /** Of the block that has not ended. */
  #births: Birth[] = [];

  /** Begins with a window, with the hierarchy as it was before it. `rollWindow` is the last one with a roll, or -1. */
  constructor(hierarchy: Hierarchy, window: number, rollWindow: number, scale: Scale) {
    this.scale = scale;
    this.#hierarchy = hierarchy;
    this.#window = window;
    this.#rollWindow = rollWindow;
    this.#begin();
  }

  apply(event: Event): void {
    switch (event.type) {
      case 'fork':
      case 'adopt': {
        const task = this.#hierarchy.task(event.task);
        assert(task, 'a task lives behind its birth');
        this.#births.push({ seq: event.seq, places: placesOf(task) });
        break;
      }
      case 'exit':
        this.#draftOf(event.task).ends.push({ task: event.task, offset: this.#offsetOf(event) });
        break;
      case 'attach': {
        const { task, container } = event;
        const tree = this.#hierarchy.container(container)?.tree;
        assert(tree !== undefined, 'a container stands behind a move into it');
        this.#draftOf(task).moves.push({ task, offset: this.#offsetOf(event), container, tree });
        break;
      }
      case 'untree':
        this.#treeEnds.push({ offset: this.#offsetOf(event), tree: event.tree });
        break;
      default:
    }
  }

  /** Writes the births of the block that begins behind `seqBefore` and ends now. */
  endBlock(writer: RowWriter, seqBefore: number): void {
    const births = this.#births;
    writeBirths(writer, this.#hierarchy.nextTask - 1 - births.length, seqBefore, births);
    this.#births = [];
  }

  /** Writes a piece of the window that ends now. */
  writePiece(writer: RowWriter, piece: number): void {
    const draft = this.#drafts[piece];
    assert(draft, `there are pieces up to ${this.scale.pieces - 1}`);
    const distance = this.#window - this.#rollWindow;
    writePiece(writer, draft, this.#treeEnds, distance, this.#rolls[piece], this.scale.pieces);
  }

  /** To be called when all pieces of the one before are written. */
  beginWindow(): void {
    this.#window += 1;
    this.#begin();
  }

  #begin(): void {
    this.#drafts = Array.from({ length: this.scale.pieces }, () => ({ ends: [], moves: [] }));
    this.#treeEnds = [];
    this.#rolls = this.#isRollDue() ? this.#callRoll() : [];
  }

  /** Rolls of many tasks are far apart: they must not take up more than what happens in between. */
  #isRollDue(): boolean {
    const { windowEvents, rollPerTask } = this.scale;
    if (this.#rollWindow < 0) return true;
    const events = (this.#window - this.#rollWindow) * windowEvents;
    return events >= rollPerTask * this.#hierarchy.taskCount;
  }

  #callRoll(): readonly Uint8Array[] {
    this.#rollWindow = this.#window;
    const rolls: Rolled[][] = Array.from({ length: this.scale.pieces }, () => []);
    for (const task of this.#hierarchy.tasks()) {
      rolls[pieceOf(task.id, this.scale)]?.push({ task: task.id, places: placesOf(task) });
    }
    return rolls.map((rolled) => rollOf(rolled, this.scale.pieces));
  }

  #draftOf(task: number): Draft {
    const draft = this.#drafts[pieceOf(task, this.scale)];
    assert(draft, 'there is a draft of every piece');
    return draft;
  }

  #offsetOf({ seq }: Event): number {
    return seq - seqBefore(this.#window, this.scale);
  }
}
