/**
 * A source that passes on what another one sees. What is derived from it changes one thing of that or looks on.
 */
import type { HierarchySeen, Observation, Source, TaskSeen } from '../../src/ports.ts';

export class PassingSource implements Source {
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  get name(): string {
    return this.#source.name;
  }

  get blind(): string {
    return this.#source.blind;
  }

  get bootId(): string {
    return this.#source.bootId;
  }

  get mirrors(): readonly number[] {
    return this.#source.mirrors;
  }

  drain(see: (observation: Observation) => void): number {
    return this.#source.drain(see);
  }

  lost(): number {
    return this.#source.lost();
  }

  scan(): Iterable<TaskSeen> {
    return this.#source.scan();
  }

  hierarchies(): readonly HierarchySeen[] {
    return this.#source.hierarchies();
  }

  look(pid: number): TaskSeen | undefined {
    return this.#source.look(pid);
  }

  wake(callback: () => void): void {
    this.#source.wake(callback);
  }

  close(): void {
    this.#source.close();
  }
}
