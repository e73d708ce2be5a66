/**
 * Lifelines: a fold that tells of every task when it was born and where, how it moved, and when it ended, window by
 * window, in pieces that are written once. Whoever keeps them finds how any task stood at any time without a look at the
 * events (`standing.ts`). It runs beside a hierarchy, to which each event must have been applied.
 */
import { assert } from '../events/assert.ts';
import type { Event } from '../events/event.ts';
import type { RowWriter } from '../events/rows.ts';
import type { Hierarchy } from './hierarchy.ts';
import { type PieceDraft, type Rolled, rollOf, type WindowDraft, writePiece } from './passages.ts';
import { placesOf } from './places.ts';
import { pieceOf, type Scale, seqBefore } from './scale.ts';

export class Lifelines {
  readonly scale: Scale;
  readonly #hierarchy: Hierarchy;
  #window: number;
  #rollWindow: number;
  #draft: WindowDraft;
  #pieces: readonly PieceDraft[];

  /** Begins with a window, with the hierarchy as it was before it. `rollWindow` is the last one with a roll, or -1. */
  constructor(hierarchy: Hierarchy, window: number, rollWindow: number, scale: Scale) {
    this.scale = scale;
    this.#hierarchy = hierarchy;
    this.#window = window;
    this.#rollWindow = rollWindow;
    this.#pieces = this.#begin();
    this.#draft = this.#head();
  }

  apply(event: Event): void {
    switch (event.type) {
      case 'fork':
      case 'adopt': {
        const task = this.#hierarchy.task(event.task);
        assert(task, 'a task lives behind its birth');
        const birth = { task: task.id, offset: this.#offsetOf(event), places: placesOf(task) };
        this.#pieceOf(task.id).births.push(birth);
        break;
      }
      case 'exit':
        this.#pieceOf(event.task).ends.push({ task: event.task, offset: this.#offsetOf(event) });
        break;
      case 'attach': {
        const { task, container } = event;
        const tree = this.#hierarchy.container(container)?.tree;
        assert(tree !== undefined, 'a container stands behind a move into it');
        this.#pieceOf(task).moves.push({ task, offset: this.#offsetOf(event), container, tree });
        break;
      }
      case 'untree':
        this.#draft.treeEnds.push({ offset: this.#offsetOf(event), tree: event.tree });
        break;
      default:
    }
  }

  /** Writes a piece of the window that ends now. */
  writePiece(writer: RowWriter, piece: number): void {
    const draft = this.#pieces[piece];
    assert(draft, 'there is a piece %', piece);
    writePiece(writer, this.#draft, draft, this.scale.pieces);
  }

  /** To be called when all pieces of the one before are written. */
  beginWindow(): void {
    this.#window += 1;
    this.#pieces = this.#begin();
    this.#draft = this.#head();
  }

  #begin(): readonly PieceDraft[] {
    const rolls = this.#isRollDue() ? this.#callRoll() : [];
    return Array.from({ length: this.scale.pieces }, (_, piece) => {
      return { roll: rolls[piece], births: [], ends: [], moves: [] };
    });
  }

  #head(): WindowDraft {
    const tasksBefore = this.#hierarchy.nextTask - 1;
    return { tasksBefore, rollDistance: this.#window - this.#rollWindow, treeEnds: [] };
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

  #pieceOf(task: number): PieceDraft {
    const piece = this.#pieces[pieceOf(task, this.scale)];
    assert(piece, 'there is a draft of every piece');
    return piece;
  }

  #offsetOf({ seq }: Event): number {
    return seq - seqBefore(this.#window, this.scale);
  }
}
