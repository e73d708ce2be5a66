/**
 * The world: all projections of one log, in the one order in which they may be applied. Live, replay,
 * tests and simulation all go through here, so they cannot differ.
 */
import type { Event } from '../events/event.ts';
import { Activity } from './activity.ts';
import { Chronicle } from './chronicle.ts';
import { Hierarchy } from './hierarchy.ts';
import { Names } from './names.ts';
import { Releases } from './releases.ts';
import { SnapshotError } from './snapshot.ts';
import { TaskPaths } from './taskPaths.ts';

/** A snapshot of each projection. */
export type Snapshots = Readonly<Record<keyof typeof versions, Uint8Array>>;

/**
 * The version of each projection's snapshots, in the order in which they are loaded. One of another version cannot be
 * loaded: what it held has to be folded again.
 */
export const versions = {
  hierarchy: Hierarchy.version,
  taskPaths: TaskPaths.version,
  activity: Activity.version,
  names: Names.version,
  releases: Releases.version,
  chronicle: Chronicle.version,
};

const projectionNames = Object.keys(versions) as (keyof typeof versions)[];

export class World {
  readonly hierarchy = new Hierarchy();
  readonly taskPaths = new TaskPaths();
  readonly activity = new Activity(this.hierarchy);
  readonly names = new Names(this.hierarchy);
  readonly releases = new Releases();
  readonly chronicle = new Chronicle();

  /**
   * The world as it was when its projections were saved, all at the same moment. Throws a `SnapshotError` where one of
   * them is missing, damaged, of another version or no snapshot at all.
   */
  static load(snapshots: Partial<Snapshots>): World {
    const world = new World();
    for (const name of projectionNames) {
      const snapshot = snapshots[name];
      if (!snapshot) throw new SnapshotError(`there is no snapshot of ${name}`);
      world[name].load(snapshot);
    }
    return world;
  }

  apply(event: Event): void {
    this.activity.apply(event);
    this.names.apply(event);
    this.hierarchy.apply(event);
    this.taskPaths.apply(event);
    this.releases.apply(event);
    this.chronicle.apply(event);
  }

  save(): Snapshots {
    const saved = projectionNames.map((name) => [name, this[name].save()]);
    return Object.fromEntries(saved) as Snapshots;
  }

  /** Every projection as plain data: equal worlds give equal dumps. */
  dump(): Record<string, unknown> {
    return Object.fromEntries(projectionNames.map((name) => [name, this[name].dump()]));
  }
}
