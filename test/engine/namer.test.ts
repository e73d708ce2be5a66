/**
 * A container of a runtime is named when it appears, and the name is in the log from then on.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NameFact } from '../../events/event.ts';
import { World } from '../../projections/world.ts';
import { nameContainers } from '../../src/engine/namer.ts';
import { Recorder } from '../../src/engine/recorder.ts';
import type { GivenNames, GroupSeen } from '../../src/ports.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { FakeSource } from '../support/fakeSource.ts';
import { HeldLog } from '../support/heldLog.ts';

const namer = suite('namer');

const id = '1f3a5c7e9b0d2f4a6c8e0b1d3f5a7c9e1b3d5f7a9c0e2b4d6f8a1c3e5b7d9f0a';
const other = id.replace('1f3a', '1f3b');
const uid = '6c1a2f3e-9d4b-4c5a-8e7f-0a1b2c3d4e5f';

/** A recorder that mirrors v2, with a root and the groups that it finds there; numbers are those of groups. */
async function recorderOf(found: readonly GroupSeen[], given: Readonly<Record<string, GivenNames>>) {
  const clock = new FakeClock();
  const source = new FakeSource(clock);
  const root = { group: 1, parent: 0, name: '' };
  source.mirrored = [{ hierarchy: 0, name: 'v2', mountPoint: '/sys/fs/cgroup', groups: [root, ...found] }];
  const log = new HeldLog();
  const world = new World();
  const onFailure = (error: Error) => {
    throw error;
  };
  const recorder = new Recorder({ log, source, clock, world, syncIntervalMs: 1000, onFailure });
  const asked: string[] = [];
  nameContainers(recorder, {
    namesOf: (runtime, containerId) => {
      asked.push(`${runtime} ${containerId.slice(0, 4)}`);
      return given[containerId];
    },
  });
  await recorder.start({ recording: 'recording-id', version: '1.2.3' });
  const make = (group: number, parent: number, name: string): void => {
    const by = { pid: 1, uid: 0, gid: 0 };
    source.queue({ type: 'groupMade', bootUs: clock.nowUs, hierarchy: 0, group, parent, name, by });
    recorder.read(() => {});
  };
  const named = async (): Promise<string[]> => {
    await recorder.commit('written');
    const names: string[] = [];
    for await (const events of log.read(1)) {
      for (const event of events) if (event.type === 'name') names.push(lineOf(world, event));
    }
    return names;
  };
  return { world, asked, make, named };
}

function lineOf(world: World, { container, name }: NameFact): string {
  return `${world.hierarchy.container(container)?.name} is ${name}`;
}

namer('a container is named when it appears, and its runtime is asked once', async () => {
  const { asked, make, named } = await recorderOf([], { [id]: { name: 'web' } });
  make(10, 1, `docker-${id}.scope`);
  make(11, 10, 'child');
  make(12, 1, `docker-${other}.scope`);
  assert.equal(await named(), [`docker-${id}.scope is web`]);
  assert.equal(asked, ['docker 1f3a', 'docker 1f3b']);
});

namer('what is there when recording begins is named too', async () => {
  const found = [{ group: 10, parent: 1, name: `libpod-${id}.scope` }];
  const { named } = await recorderOf(found, { [id]: { name: 'web' } });
  assert.equal(await named(), [`libpod-${id}.scope is web`]);
});

namer('a pod is named with the first of its containers', async () => {
  const given = { name: 'shop/web/nginx', pod: 'shop/web' };
  const { make, named } = await recorderOf([], { [id]: given, [other]: { ...given, name: 'shop/web/log' } });
  make(10, 1, 'kubepods');
  make(11, 10, `pod${uid}`);
  make(12, 11, id);
  make(13, 11, other);
  assert.equal(await named(), [
    `${id} is shop/web/nginx`,
    `pod${uid} is shop/web`,
    `${other} is shop/web/log`,
  ]);
});

namer('nobody is asked for what is no container of a runtime', async () => {
  const { asked, make } = await recorderOf([], {});
  make(10, 1, 'system.slice');
  make(11, 10, 'nginx.service');
  make(12, 1, `libpod-conmon-${id}.scope`);
  make(13, 1, 'lxc.payload.web');
  assert.equal(asked, []);
});

namer.run();
