/**
 * Times: what touch(1) and its like have set. Containers have no times of their own, and nothing that happens to tasks
 * hangs on them; so they are none of the log's business, as they were none of the patch's, and are kept in memory: for
 * all mounts alike, until the container is removed or the daemon ends.
 */
import type { Event } from '../../events/event.ts';
import type { Clock } from '../ports.ts';
import { nodeNumbered } from './node.ts';

/** Wall-clock. */
export interface Instant {
  /** Since the epoch; below 0 before it. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** What stat(2) calls atime, mtime and ctime. */
export interface NodeTimes {
  readonly accessed: Instant;
  readonly modified: Instant;
  readonly changed: Instant;
}

/** What is undefined stays. */
export interface WantedTimes {
  readonly accessed?: Instant | 'now';
  readonly modified?: Instant | 'now';
}

function instantAt(timeUs: number): Instant {
  return { seconds: Math.floor(timeUs / 1e6), nanoseconds: Math.floor(timeUs % 1e6) * 1000 };
}

export class Times {
  readonly #clock: Clock;
  /** Of every node whose times nobody has set. */
  readonly unset: NodeTimes;
  /** By container, and by node. */
  readonly #set = new Map<number, Map<number, NodeTimes>>();
  readonly #followers = new Set<(node: number) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
    const now = instantAt(clock.wallUs());
    this.unset = { accessed: now, modified: now, changed: now };
  }

  /** By a node's number. */
  of(node: number): NodeTimes {
    return this.#set.get(containerOf(node))?.get(node) ?? this.unset;
  }

  /** Sets some of the times of a node of a container that stands. */
  set(node: number, { accessed, modified }: WantedTimes): void {
    const before = this.of(node);
    const now = instantAt(this.#clock.wallUs());
    const container = containerOf(node);
    const ofContainer = this.#set.get(container) ?? new Map<number, NodeTimes>();
    this.#set.set(container, ofContainer);
    ofContainer.set(node, {
      accessed: accessed === 'now' ? now : (accessed ?? before.accessed),
      modified: modified === 'now' ? now : (modified ?? before.modified),
      changed: now,
    });
    for (const follower of this.#followers) follower(node);
  }

  /** Forgets what has gone with its container. */
  forget(events: readonly Event[]): void {
    for (const event of events) if (event.type === 'rmdir') this.#set.delete(event.container);
  }

  /** Calls back with the number of each node whose times have been set; returns what ends it. */
  follow(follower: (node: number) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }
}

function containerOf(node: number): number {
  return nodeNumbered(node)?.container ?? 0;
}
