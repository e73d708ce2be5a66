/**
 * Contestants: stores that events can be appended to, ours and others, each behind the same few calls. Whatever bytes
 * a store holds, it makes them of the events itself, and that counts.
 */
import type { World } from '../../../projections/world.ts';
import type { Durability, Stamped } from '../../../src/ports.ts';

export interface Contestant {
  readonly name: string;
  /** Several commits may be in flight. Where not, one waits for the other. */
  readonly overlaps: boolean;
  /** `synced` is worth nothing here: the store acknowledges before anything is on the disk. */
  readonly forgets?: boolean;
  /** The folder is there; it is empty where nothing has been stored. */
  open(folder: string): Promise<Store>;
  /** Applies all events of a closed store, in order; not there where nobody asks for it. */
  readonly fold?: (folder: string, world: World) => Promise<void>;
}

export interface Store {
  /** Appends events, in one piece, behind those of the call before. */
  commit(events: readonly Stamped[], durability: Durability): Promise<void>;
  close(): Promise<void>;
  /** Processor time that other processes have used for it, microseconds. */
  readonly othersUs?: () => number;
}
