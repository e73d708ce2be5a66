/**
 * Snapshots of the projections, and that no projection keeps an event: over random worlds with every kind of event.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../events/event.ts';
import { SnapshotError } from '../../projections/snapshot.ts';
import { type Snapshots, World } from '../../projections/world.ts';
import { seededRandom } from '../../src/random.ts';
import { lend } from '../support/poisoned.ts';
import { storyOfMirrors, storyOfRequests } from '../support/stories.ts';

const snapshot = suite('snapshot');

const seeds = [1, 2, 3];

/** The events of random recordings, with requests and with mirrored trees. */
async function recordings(): Promise<(readonly Event[])[]> {
  const stories = [];
  for (const seed of seeds) stories.push(await storyOfRequests(seed, 1500), await storyOfMirrors(seed, 1500));
  return stories;
}

function worldAfter(events: readonly Event[], world = new World()): World {
  for (const event of events) world.apply(event);
  return world;
}

function snapshotsOfSome(): Snapshots {
  const world = new World();
  const envelope = { seq: 1, timeUs: 1, skewUs: 0 };
  const own = { tree: 0, container: 1, hierarchy: 0, group: 0, name: 'tasktrail', mountPoint: '' };
  world.apply({ type: 'tree', ...own, ...envelope });
  return world.save();
}

snapshot(
  'a world that was saved at any moment is the same, and stays the same with what follows',
  async () => {
    const random = seededRandom(7);
    for (const events of await recordings()) {
      const whole = worldAfter(events).dump();
      for (let i = 0; i < 8; i++) {
        const at = random.below(events.length + 1);
        const before = worldAfter(events.slice(0, at));
        const loaded = World.load(before.save());
        assert.equal(loaded.dump(), before.dump(), `saved after ${at} events`);
        assert.equal(worldAfter(events.slice(at), loaded).dump(), whole, `saved after ${at} events`);
      }
    }
  },
);

snapshot('a world that was loaded is saved as the same bytes', async () => {
  for (const events of await recordings()) {
    const saved = worldAfter(events).save();
    assert.equal(World.load(saved).save(), saved);
  }
});

snapshot('no projection keeps an event', async () => {
  for (const events of await recordings()) {
    const world = new World();
    for (const event of events) lend(event, (view) => world.apply(view));
    assert.equal(world.dump(), worldAfter(events).dump());
  }
});

snapshot('a byte that was changed, bytes that are missing and bytes that are too many are found', () => {
  const whole = snapshotsOfSome();
  for (const [name, bytes] of Object.entries(whole)) {
    const damaged = Array.from({ length: bytes.length }, (_, at) =>
      bytes.map((b, i) => (i === at ? b ^ 1 : b)),
    );
    const cut = Array.from({ length: bytes.length }, (_, length) => bytes.slice(0, length));
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    for (const other of [...damaged, ...cut, longer]) {
      assert.throws(
        () => World.load({ ...whole, [name]: other }),
        (error: unknown) =>
          error instanceof SnapshotError && error.message === `the snapshot of ${name} is damaged`,
      );
    }
  }
});

snapshot('another projection, another version and a missing snapshot are refused in words', () => {
  const whole = snapshotsOfSome();
  const { names: _, ...others } = whole;
  assert.throws(
    () => World.load({ ...whole, names: whole.releases }),
    /^a snapshot of releases is none of names$/,
  );
  assert.throws(() => World.load(others), /^there is no snapshot of names$/);
});

snapshot.run();
