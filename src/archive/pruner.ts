/**
 * The pruner: removes the beginning of a log as its limits ask for, on the archivist's thread. It reads and computes;
 * who removes what it names is for its caller to see to.
 */
import { isLoadable } from '../engine/openWorld.ts';
import { Cutter } from '../log/cutter.ts';
import { UnsoundLogError } from '../log/errors.ts';
import type { LevelReader } from '../log/levelReader.ts';
import { planCut, type Situation } from '../log/retention.ts';
import type { Batch } from '../log/sealer.ts';
import type { Retained } from './archivist.ts';

export class Pruner {
  readonly #reader: LevelReader;
  readonly #cutter: Cutter;

  constructor(reader: LevelReader) {
    this.#reader = reader;
    this.#cutter = new Cutter(reader);
  }

  /** What is to be removed, piece by piece; each must be written before the next is asked for. */
  async *prune(situation: Situation): AsyncGenerator<Batch, Retained> {
    // What is not kept can be done without only where there is a snapshot that this tasktrail can read.
    const { cut, isHeld, staleSeq } = await planCut(this.#reader, situation, isLoadable);
    try {
      // Where nothing is to be cut there may still be what an earlier life has left.
      yield* cut ? this.#cutter.cut(cut.firstSeq) : this.#cutter.sweep();
    } catch (error) {
      // A recording cannot begin in a block that is damaged, of which whoever reads it is told; later on it can.
      if (!(error instanceof UnsoundLogError)) throw error;
    }
    return { isHeld, ...(staleSeq !== undefined && { staleSeq }) };
  }

  /** Gives back some of the room of what was removed, which takes its time; resolves with whether there is more. */
  freeSome(): Promise<boolean> {
    return this.#cutter.freeSome();
  }
}
