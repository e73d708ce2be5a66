/**
 * Layouts of managers that do not run here, made by hand in the real v2 hierarchy with a real task in each, and the
 * files that their runtimes would have written: a recorder calls them right while they stand and when they are gone.
 * None of these was made by the manager itself; `managers.test.ts` has those that are. From which manual or source each
 * layout is stands in `engine/names.test.ts`, and of the files in `sources/runtimeNames.test.ts`.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'uvu';
import type { Reader } from '../src/engine/reader.ts';
import { HttpReader } from '../src/http/client.ts';
import { isRefusal } from '../src/kernel/errno.ts';
import { openOffline } from '../src/offline.ts';
import { removeGroup, unifiedRoot } from './sources/groups.ts';
import { testNeeding } from './support/needs.ts';
import { Stage, until } from './support/stage.ts';

/** What a task is in, and what that is to be called. */
interface Layout {
  readonly path: string;
  readonly name: string;
  readonly called?: string;
  /** A name of what is around it. */
  readonly around?: string;
  /** What a runtime has written, by path. */
  readonly files?: Readonly<Record<string, unknown>>;
}

const uid = '6c1a2f3e-9d4b-4c5a-8e7f-0a1b2c3d4e5f';
const uid_ = uid.replaceAll('-', '_');
/** Each container has an id of its own. */
const id = (first: string): string => first.padEnd(64, '0');
const annotations = {
  'io.kubernetes.container.name': 'cart',
  'io.kubernetes.pod.name': 'cart-7d4b9',
  'io.kubernetes.pod.namespace': 'shop',
};

const layouts: Readonly<Record<string, Layout>> = {
  'docker with systemd': {
    path: `system.slice/docker-${id('d1')}.scope`,
    name: `docker/${id('d1')}`,
    called: 'web-1',
    files: { [`/var/lib/docker/containers/${id('d1')}/config.v2.json`]: { Name: '/web-1', Config: {} } },
  },
  'podman with systemd': {
    path: `machine.slice/libpod-${id('b1')}.scope/container`,
    name: `podman/${id('b1')}`,
    called: 'db',
    files: {
      '/var/lib/containers/storage/overlay-containers/containers.json': [{ id: id('b1'), names: ['db'] }],
    },
  },
  'CRI-O with systemd': {
    path: `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${uid_}.slice/crio-${id('c1')}.scope`,
    name: `crio/${id('c1')}`,
    called: 'shop/cart-7d4b9/cart',
    around: 'pod/shop/cart-7d4b9',
    files: {
      [`/run/containers/storage/overlay-containers/${id('c1')}/userdata/config.json`]: { annotations },
    },
  },
  'containerd below a kubelet with systemd': {
    path: `kubepods.slice/kubepods-pod0${uid_}.slice/cri-containerd-${id('e1')}.scope`,
    name: `containerd/${id('e1')}`,
    around: `pod/0${uid}`,
  },
  'a step of Slurm': {
    path: 'system.slice/slurmstepd.scope/job_42/step_0/user/task_0',
    name: 'slurm/42.0',
    around: 'slurm/42',
  },
  'a batch step of Slurm below its layout of v1': {
    path: 'slurm/uid_1000/job_43/step_batch',
    name: 'slurm/43.batch',
    around: 'slurm/43',
  },
  LXC: { path: 'lxc.payload.mail', name: 'lxc/mail' },
  nspawn: { path: 'machine.slice/machine-build\\x2d1.scope/payload', name: 'nspawn/build-1' },
  libvirt: { path: 'machine.slice/machine-qemu\\x2d3\\x2dvm\\x2d1.scope/libvirt/vcpu0', name: 'qemu/vm-1' },
  'a session of a user': {
    path: 'user.slice/user-1000.slice/session-5.scope',
    name: 'session-5.scope',
    around: 'user-1000.slice',
  },
  'a service of a user': {
    path: 'user.slice/user-1000.slice/user@1000.service/app.slice/mpd.service',
    name: 'mpd.service',
    around: 'user@1000.service',
  },
};

testNeeding(
  test,
  ['root', 'ebpf', 'v2'],
  'layouts made by hand have the names of their managers, while they stand and when they are gone',
  async () => {
    const stage = await Stage.open();
    const root = `${unifiedRoot()}/${stage.group}`;
    const sleepers = new Map<string, ChildProcess>();
    try {
      await stage.record('v2');
      for (const [title, layout] of Object.entries(layouts)) sleepers.set(title, stand(stage, root, layout));
      const reader = new HttpReader(stage.recording);
      for (const [title, layout] of Object.entries(layouts)) {
        await isCalledRight(reader, layout, pidOf(sleepers.get(title)), title);
      }
      for (const sleeper of sleepers.values()) {
        sleeper.kill();
        await once(sleeper, 'close');
      }
      removeGroup(root);
      await until(async () =>
        isRefusal(await reader.ask({ kind: 'tree', path: `/${stage.group}`, tree: 'v2' })),
      );
      await reader.close();
      await stage.stopRecording();
      const past = openOffline(stage.recording);
      for (const [title, layout] of Object.entries(layouts)) {
        await isToldOf(past, layout, pidOf(sleepers.get(title)), title);
      }
      await past.close();
    } finally {
      for (const sleeper of sleepers.values()) sleeper.kill('SIGKILL');
      await stage.close();
    }
  },
);

test.run();

/** Makes a layout as its manager would: what the runtime writes down, then the groups, then what is in them. */
function stand(stage: Stage, root: string, { path, files = {} }: Layout): ChildProcess {
  for (const [file, content] of Object.entries(files)) {
    stage.run(['mkdir', '-p', dirname(file)]);
    stage.run(['sh', '-c', 'printf %s "$1" > "$2"', 'sh', JSON.stringify(content), file]);
  }
  mkdirSync(`${root}/${path}`, { recursive: true });
  const sleeper = spawn('sleep', ['100']);
  writeFileSync(`${root}/${path}/cgroup.procs`, String(pidOf(sleeper)));
  return sleeper;
}

async function isCalledRight(
  reader: HttpReader,
  { name, called, around }: Layout,
  pid: number,
  title: string,
): Promise<void> {
  const view = accepted(await reader.ask({ kind: 'path', pid }));
  const place = view.trees.find(({ tree }) => tree === 'v2');
  assert.deepEqual([place?.name, place?.called], [name, called], title);
  for (const word of [name, ...(called ? [called] : []), ...(around ? [around] : [])]) {
    const tasks = accepted(await reader.ask({ kind: 'tasks', path: word, tree: 'v2', below: true }));
    assert.ok(
      tasks.some((task) => task.pid === pid),
      `${title}: ${pid} is not in ${word}`,
    );
  }
}

async function isToldOf(
  reader: Reader,
  { name, called, around }: Layout,
  pid: number,
  title: string,
): Promise<void> {
  assert.ok(
    isRefusal(await reader.ask({ kind: 'tree', path: name, tree: 'v2' })),
    `${title}: ${name} is still there`,
  );
  for (const word of [name, ...(called ? [called] : []), ...(around ? [around] : [])]) {
    const types: string[] = [];
    for await (const { type, pid: about } of reader.log({ path: word, tree: 'v2' })) {
      if (about === pid || type === 'rmdir') types.push(type);
    }
    for (const type of ['attach', 'exit', 'rmdir']) {
      assert.ok(types.includes(type), `${title}: the log of ${word} has no ${type}, but ${types}`);
    }
  }
}

function accepted<T extends object>(answer: T): Exclude<T, { errno: unknown }> {
  assert.ok(!isRefusal(answer), JSON.stringify(answer));
  return answer as Exclude<T, { errno: unknown }>;
}

function pidOf(process: ChildProcess | undefined): number {
  return process?.pid ?? assert.fail('there is no sleep');
}
