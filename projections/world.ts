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
import { TaskPaths } from './taskPaths.ts';

export class World {
  readonly hierarchy = new Hierarchy();
  readonly taskPaths = new TaskPaths();
  readonly activity = new Activity(this.hierarchy);
  readonly names = new Names(this.hierarchy);
  readonly releases = new Releases();
  readonly chronicle = new Chronicle();

  apply(event: Event): void {
    this.activity.apply(event);
    this.names.apply(event);
    this.hierarchy.apply(event);
    this.taskPaths.apply(event);
    this.releases.apply(event);
    this.chronicle.apply(event);
  }

  /** Every projection as plain data: equal worlds give equal dumps. */
  dump(): Record<string, unknown> {
    return {
      hierarchy: this.hierarchy.dump(),
      taskPaths: this.taskPaths.dump(),
      activity: this.activity.dump(),
      names: this.names.dump(),
      releases: this.releases.dump(),
      chronicle: this.chronicle.dump(),
    };
  }
}
