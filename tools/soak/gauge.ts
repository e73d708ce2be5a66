/**
 * What a soak reads while it goes on: how much is recorded and how much of the disk that takes, and, of a daemon that
 * is left alone for a while, its memory beside the size of the world that it holds.
 */
import { setTimeout } from 'node:timers/promises';
import type { PatientReader } from '../restart/patientReader.ts';
import type { SuccessiveDaemons } from '../restart/successive.ts';
import type { Memory, MemoryProbe } from './memoryProbe.ts';

/** How much is recorded at one moment. */
export interface Stand {
  /** Since the soak began. */
  readonly second: number;
  readonly events: number;
  readonly sizeBytes: number;
  readonly tasks: number;
  readonly containers: number;
  readonly gaps: number;
  /** What the daemon that is left alone had when that was last measured. */
  readonly memory?: Memory | undefined;
}

/** A daemon's memory, and what it holds. */
export interface MemoryStand extends Stand {
  readonly memory: Memory;
}

export class Gauge {
  readonly #daemons: SuccessiveDaemons;
  readonly #reader: PatientReader;
  readonly #probe: MemoryProbe;
  readonly #beganMs = performance.now();
  #memory: Memory | undefined;

  constructor(daemons: SuccessiveDaemons, reader: PatientReader, probe: MemoryProbe) {
    this.#daemons = daemons;
    this.#reader = reader;
    this.#probe = probe;
  }

  get second(): number {
    return (performance.now() - this.#beganMs) / 1000;
  }

  async stand(): Promise<Stand> {
    const { seq, sizeBytes, tasks, containers, gaps } = await this.#reader.status();
    return {
      ...{ second: this.second, events: seq, sizeBytes, tasks, containers, gaps },
      memory: this.#memory,
    };
  }

  /** Measures the one daemon that runs now again and again, until this second. */
  async memoryUntil(second: number, distanceMs: number): Promise<MemoryStand[]> {
    const { pid } = this.#daemons;
    const stands: MemoryStand[] = [];
    while (this.second < second) {
      const memory = await this.#probe.measure(pid);
      this.#memory = memory;
      stands.push({ ...(await this.stand()), memory });
      await setTimeout(distanceMs);
    }
    this.#memory = undefined;
    return stands;
  }
}
