/**
 * What manages groups and containers on real machines, as distributions ship it: a recorder that mirrors the machine's
 * cgroups calls what they make as their own commands do, while it is there and when it is gone.
 *
 * Real here: docker, podman and containerd with runc, crun, cgroup-tools, and a systemd that is the first process of a
 * pid namespace. By hand: what kubelet and CRI-O tell a runtime, which are not here themselves.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import { runProgram } from '../src/cli/program.ts';
import { mountedHierarchies, pathIn } from '../src/sources/cgroups.ts';
import { fakeTerminal } from './cli/fakeTerminal.ts';
import { unifiedRoot } from './sources/groups.ts';
import { type Need, testNeeding } from './support/needs.ts';
import { pidsOf, Stage, until } from './support/stage.ts';

const always = ['root', 'ebpf', 'v2', 'busybox'] as const;
const id = '1f3a5c7e9b0d2f4a6c8e0b1d3f5a7c9e1b3d5f7a9c0e2b4d6f8a1c3e5b7d9f0a';
const podUid = '6c1a2f3e-9d4b-4c5a-8e7f-0a1b2c3d4e5f';
const image = 'localhost/tasktrail-test:1';
const archive = 'tar -C /run/rootfs -c .';

/** A container, unit or group that stands, and what it ought to be called. */
interface Standing {
  /** A task in it. */
  readonly pid: number;
  /** What `tree` and `path` are to print beside its path; empty where the path says it all. */
  readonly shown: string;
  /** What may be typed for it. */
  readonly words: readonly string[];
  /** What may be typed for what is around it. */
  readonly around?: readonly string[];
  /** Ends it, so that nothing of it is left. */
  end(): unknown;
}

interface Scene {
  readonly title: string;
  readonly needs: readonly Need[];
  /** Of a hierarchy that there is only where something else is unmounted. */
  readonly v1Only?: true;
  readonly mirror: () => string;
  /** Groups that it makes in every root. */
  readonly usual?: readonly string[];
  readonly play: (stage: Stage) => Promise<Standing>;
}

const v2 = (): string => 'v2';

const scenes: readonly Scene[] = [
  { title: 'docker', needs: ['docker', 'runc'], mirror: v2, play: docker },
  { title: 'podman', needs: ['podman', 'runc'], mirror: v2, usual: ['libpod_parent'], play: podman },
  {
    title: 'a pod of podman',
    needs: ['podman', 'runc'],
    mirror: v2,
    usual: ['libpod_parent'],
    play: podmanPod,
  },
  {
    title: 'containerd',
    needs: ['containerd', 'podman', 'runc'],
    mirror: v2,
    usual: ['k8s.io'],
    play: containerd,
  },
  { title: 'containerd below a kubelet', needs: ['containerd', 'podman', 'runc'], mirror: v2, play: kubelet },
  { title: 'CRI-O with runc', needs: ['runc'], mirror: v2, play: crio('runc') },
  {
    title: 'CRI-O with crun on v1',
    needs: ['crun', 'v1Mounted'],
    v1Only: true,
    mirror: controller,
    play: crio('crun'),
  },
  {
    title: 'cgexec and cgclassify',
    needs: ['cgroup-tools', 'v1Mounted'],
    mirror: controller,
    play: cgroupTools,
  },
  { title: 'systemd', needs: ['systemd'], mirror: v2, play: systemdService },
  { title: 'systemd-run', needs: ['systemd'], mirror: v2, play: systemdRun },
];

for (const scene of scenes) {
  testNeeding(
    test,
    [...always, ...scene.needs],
    `${scene.title}: what it makes has its name in the tree, in lists, by pid, and in history when it is gone`,
    () => isCalledRight(scene),
  );
}

test.run();

async function isCalledRight({ mirror, usual, v1Only, play }: Scene): Promise<void> {
  const tree = mirror();
  const stage = await Stage.open(v1Only ? [unifiedRoot()] : [], usual);
  try {
    await stage.record(tree);
    const { pid, shown, words, around = [], end } = await play(stage);
    const path = groupOf(pid, tree);
    // A directory that says it all by its own name has none beside it.
    const drawnLabel = shown === '' || path.endsWith(`/${shown}`) ? path : `${path}  ${shown}`;
    const ask = (...args: readonly string[]) => tasktrail(stage, ...args);
    await eventually(async () => {
      const row = await ask('path', String(pid), '--tree', 'all');
      const label = shown === '' ? path : `${path}  ${shown}`;
      assert.ok(row.split('\n').includes(`${tree}  ${label}`), `no line ${tree}  ${label} in\n${row}`);
    });
    assert.equal(await ask('path', String(pid), '--tree', tree), path);
    const isThere = async (word: string, ...when: readonly string[]): Promise<void> => {
      const drawn = await ask('tree', word, '--tree', tree, ...when);
      assert.ok(drawn.startsWith(`${tree}\n${drawnLabel}  `), `tree ${word}: ${drawn}`);
      const listed = await ask('tasks', word, '--tree', tree, ...when);
      assert.match(listed, new RegExp(`^ *${pid} +\\d+ `, 'm'), word);
    };
    for (const word of words) await isThere(word);
    const stood = await ask('status', '--json');
    for (const word of around) {
      const listed = await ask('tasks', '--recursive', word, '--tree', tree);
      assert.match(listed, new RegExp(`^ *${pid} +\\d+ `, 'm'), word);
    }

    await end();
    await until(() => !mountedHierarchies().some(({ mountPoint }) => existsSync(mountPoint + path)));
    await eventually(async () => {
      assert.match(await ask('tree', path, '--tree', tree), /ENOENT/);
    });
    const named = shown === '' ? `${tree}:${path}` : shown;
    const toldBy = async (word: string): Promise<void> => {
      const told = await ask('log', '--all', '--path', word, '--tree', tree);
      assert.ok(told.includes(`  exit  ${pid} sleep  in ${named}  `), `${word}: ${told}`);
      assert.ok(told.includes(`  rmdir  ${tree}:${path}`), `${word}: ${told}`);
    };
    for (const word of words.slice(0, 1)) await toldBy(word);
    await stage.stopRecording();
    for (const word of words) await toldBy(word);
    for (const word of words) await isThere(word, '--at', `#${JSON.parse(stood).seq}`);
  } finally {
    await stage.close();
  }
}

async function docker(stage: Stage): Promise<Standing> {
  const options = ['--bridge', 'none', '--iptables=false', '--ip6tables=false', '--ip-forward=false'];
  const drivers = ['--storage-driver', 'vfs', '--exec-opt', 'native.cgroupdriver=cgroupfs'];
  stage.start([
    'dockerd',
    ...options,
    '--ip-masq=false',
    ...drivers,
    '--cgroup-parent',
    `/${stage.group}/docker`,
  ]);
  await until(() => succeeds(stage, 'docker', 'version'));
  stage.run(['sh', '-c', `${archive} | docker import - ${image}`]);
  const made = stage.run([
    'docker',
    'run',
    '-d',
    '--network',
    'none',
    '--name',
    'web-1',
    image,
    'sleep',
    '100',
  ]);
  return {
    pid: Number(stage.run(['docker', 'inspect', '-f', '{{.State.Pid}}', 'web-1'])),
    shown: `docker/${short(made)} web-1`,
    words: [`docker/${made}`, `docker/${made.slice(0, 5)}`, 'docker/web-1', 'web-1'],
    end: () => stage.run(['docker', 'rm', '-f', 'web-1']),
  };
}

async function podman(stage: Stage): Promise<Standing> {
  importImage(stage);
  const made = stage.run([
    'podman',
    'run',
    '-d',
    '--network',
    'none',
    '--name',
    'web',
    image,
    'sleep',
    '100',
  ]);
  return {
    pid: Number(stage.run(['podman', 'inspect', '-f', '{{.State.Pid}}', 'web'])),
    shown: `podman/${short(made)} web`,
    words: [`podman/${made}`, `podman/${made.slice(0, 5)}`, 'podman/web', 'web', `libpod-${made}`],
    end: () => stage.run(['podman', 'rm', '-f', '-t', '0', 'web']),
  };
}

async function podmanPod(stage: Stage): Promise<Standing> {
  importImage(stage);
  const infra = ['--infra-image', image, '--infra-command', '/bin/sleep 100', '--network', 'none'];
  const pod = stage.run(['podman', 'pod', 'create', '--name', 'shop', ...infra]);
  const made = stage.run(['podman', 'run', '-d', '--pod', 'shop', '--name', 'cart', image, 'sleep', '100']);
  return {
    pid: Number(stage.run(['podman', 'inspect', '-f', '{{.State.Pid}}', 'cart'])),
    shown: `podman/${short(made)} cart`,
    words: [`podman/${made}`, 'podman/cart', 'cart'],
    around: [`pod/${pod}`, `pod/${pod.slice(0, 5)}`],
    end: () => stage.run(['podman', 'pod', 'rm', '-f', '-t', '0', 'shop']),
  };
}

async function containerd(stage: Stage): Promise<Standing> {
  await startContainerd(stage);
  return ctrRun(stage, [], {
    shown: `containerd/${short(id)}`,
    words: [`containerd/${id}`, 'containerd/1f3a'],
  });
}

/** What kubelet tells containerd by its CRI is told it by ctr(8). */
async function kubelet(stage: Stage): Promise<Standing> {
  await startContainerd(stage);
  const group = `/${stage.group}/kubepods/burstable/pod${podUid}/${id}`;
  return ctrRun(stage, ['--cgroup', group, ...annotationOptions()], {
    shown: `container/${short(id)} shop/cart-7d4b9/cart`,
    words: ['container/1f3a', 'shop/cart-7d4b9/cart', id],
    around: [`pod/${podUid}`, 'pod/6c1a', 'pod/shop/cart-7d4b9', 'shop/cart-7d4b9', 'kubepods/burstable'],
  });
}

function ctrRun(stage: Stage, options: readonly string[], expected: Omit<Standing, 'pid' | 'end'>): Standing {
  const ctr = ['ctr', '--namespace', 'k8s.io'];
  stage.run([...ctr, 'run', '--detach', '--snapshotter', 'native', ...options, image, id, 'sleep', '100']);
  const [, pid] = new RegExp(`^${id} +(\\d+)`, 'm').exec(stage.run([...ctr, 'task', 'ls'])) ?? [];
  return {
    pid: Number(pid),
    ...expected,
    end: () => {
      stage.run([...ctr, 'task', 'kill', '--signal', 'SIGKILL', id]);
      // It ends with what the container ended with.
      stage.run(['sh', '-c', `${ctr.join(' ')} task delete ${id} || test $? -eq 137 -o $? -eq 1`]);
    },
  };
}

/** ctr(8) takes images in OCI's form only; podman makes them. */
async function startContainerd(stage: Stage): Promise<void> {
  importImage(stage);
  stage.run(['podman', 'save', '--quiet', '--format', 'oci-archive', '--output', '/run/image.tar', image]);
  stage.start(['containerd']);
  await until(() => succeeds(stage, 'ctr', 'version'));
  stage.run(['ctr', '--namespace', 'k8s.io', 'image', 'import', '--snapshotter', 'native', '/run/image.tar']);
}

/** CRI-O keeps its bundles where containers/storage has them, and names groups and annotations so. */
function crio(runtime: 'runc' | 'crun'): (stage: Stage) => Promise<Standing> {
  return async (stage) => {
    const bundle = `/run/containers/storage/overlay-containers/${id}/userdata`;
    stage.run(['mkdir', '-p', bundle]);
    stage.run(['sh', '-c', `cd ${bundle} && ${runtime} spec`]);
    const spec = JSON.parse(stage.run(['cat', `${bundle}/config.json`]));
    spec.process = { ...spec.process, args: ['sleep', '100'], terminal: false, rlimits: [] };
    spec.root = { path: '/run/rootfs', readonly: true };
    spec.annotations = annotations;
    spec.linux.cgroupsPath = `/${stage.group}/kubepods/besteffort/pod${podUid}/crio-${id}`;
    stage.run(['sh', '-c', 'printf %s "$1" > "$2"', 'sh', JSON.stringify(spec), `${bundle}/config.json`]);
    stage.run([
      'sh',
      '-c',
      `${runtime} run --detach --bundle ${bundle} ${id} > /dev/null 2> /run/${runtime}.log`,
    ]);
    return {
      pid: JSON.parse(stage.run([runtime, 'state', id])).pid,
      shown: `crio/${short(id)} shop/cart-7d4b9/cart`,
      words: ['crio/1f3a', 'crio/shop/cart-7d4b9/cart', `crio-${id}`],
      around: ['pod/6c1a', 'pod/shop/cart-7d4b9', 'kubepods/besteffort'],
      end: () => stage.run([runtime, 'delete', '--force', id]),
    };
  };
}

async function cgroupTools(stage: Stage): Promise<Standing> {
  const name = controller();
  const [outer, inner] = [`/${stage.group}/batch`, `/${stage.group}/batch/night`];
  stage.run(['cgcreate', '-g', `${name}:${inner}`]);
  stage.run(['cgexec', '-g', `${name}:${outer}`, 'true']);
  const sleeper = stage.start(['sleep', '100']);
  const pid = sleeper.pid ?? assert.fail('there is no sleep');
  await until(() => readFileSync(`/proc/${pid}/comm`, 'latin1') === 'sleep\n');
  stage.run(['cgclassify', '-g', `${name}:${inner}`, String(pid)]);
  const log = await tasktrail(stage, 'log', '--type', 'attach', '--path', outer, '--tree', name);
  assert.match(log, new RegExp(` attach  \\d+ cgexec  ${name}:/ → ${outer}  by \\d+ cgexec `));
  assert.match(log, new RegExp(` attach  ${pid} sleep  ${name}:/ → ${inner}  by \\d+ cgclassify `));
  return {
    pid,
    shown: '',
    words: [inner],
    end: async () => {
      sleeper.kill();
      await once(sleeper, 'close');
      stage.run(['cgdelete', '-g', `${name}:${inner}`]);
    },
  };
}

async function systemdService(stage: Stage): Promise<Standing> {
  const { folder, systemctl } = await startSystemd(stage);
  const service = `${folder}/system.slice/system-web.slice/web@a\\x2d1.service`;
  systemctl('systemctl', 'start', 'web@a\\x2d1.service');
  return {
    pid: soleIn(service),
    shown: 'web@a\\x2d1.service',
    words: ['web@a-1.service', 'web@a\\x5cx2d1.service'],
    around: ['system-web.slice', 'system.slice'],
    end: () => systemctl('systemctl', 'stop', 'web@a\\x2d1.service'),
  };
}

async function systemdRun(stage: Stage): Promise<Standing> {
  const { folder, systemctl } = await startSystemd(stage);
  const options = ['--property', 'DefaultDependencies=no', '--slice', 'batch-night.slice', '--unit', 'job'];
  systemctl('systemd-run', ...options, 'sleep', '100');
  return {
    pid: soleIn(`${folder}/batch.slice/batch-night.slice/job.service`),
    shown: 'job.service',
    words: ['job.service'],
    around: ['batch-night.slice', 'batch.slice'],
    end: () => systemctl('systemctl', 'stop', 'job.service'),
  };
}

const units = {
  'default.target': '[Unit]\nDescription=A test\n',
  'web@.service': '[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=sleep 100\n',
};

/** All of its groups are below one of the stage's own, which it takes for the root. */
async function startSystemd(stage: Stage) {
  stage.run(['mkdir', '/run/units']);
  for (const [name, text] of Object.entries(units)) {
    stage.run(['sh', '-c', 'printf %b "$2" > "/run/units/$1"', 'sh', name, text]);
  }
  const folder = `${unifiedRoot()}/${stage.group}`;
  const become = `
    set -e
    mkdir "$0" && echo $$ > "$0/cgroup.procs"
    exec unshare --mount --cgroup --pid --fork --kill-child --mount-proc sh -c '
      umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup
      exec /lib/systemd/systemd --system --unit=default.target --log-target=null --show-status=no'`;
  const settings = ['container=tasktrail-test', 'SYSTEMD_UNIT_PATH=/run/units'];
  stage.start(['env', ...settings, 'sh', '-c', become, folder]);
  const scope = `${folder}/init.scope`;
  await until(() => existsSync(scope) && pidsOf(scope).length === 1);
  const first = String(soleIn(scope));
  const systemctl = (...command: readonly string[]): string =>
    stage.run(['nsenter', '--target', first, '--mount', '--pid', '--cgroup', ...command]);
  await until(() => succeeds(stage, 'nsenter', '--target', first, '--mount', '--pid', 'systemctl', 'status'));
  return { folder, systemctl };
}

/** What kubelet tells CRI-O and containerd's CRI of a container, and they write down as its annotations. */
const annotations = {
  'io.kubernetes.cri.container-name': 'cart',
  'io.kubernetes.cri.sandbox-name': 'cart-7d4b9',
  'io.kubernetes.cri.sandbox-namespace': 'shop',
  'io.kubernetes.container.name': 'cart',
  'io.kubernetes.pod.name': 'cart-7d4b9',
  'io.kubernetes.pod.namespace': 'shop',
};

function annotationOptions(): string[] {
  return Object.entries(annotations).flatMap(([key, value]) => ['--annotation', `${key}=${value}`]);
}

function importImage(stage: Stage): void {
  stage.run(['sh', '-c', `${archive} | podman import --quiet - ${image}`]);
}

/** A hierarchy of v1 in which groups can be made and tasks moved without another setting. */
function controller(): string {
  const names = mountedHierarchies().map(({ name }) => name);
  return (
    names.find((name) => /^(?:cpu|cpuacct|pids|freezer)\b/.test(name)) ?? assert.fail('no such hierarchy')
  );
}

/** By the kernel's own word. */
function groupOf(pid: number, tree: string): string {
  const { hierarchy } = mountedHierarchies().find(({ name }) => name === tree) ?? assert.fail(tree);
  const path = pathIn(readFileSync(`/proc/${pid}/cgroup`, 'latin1'), hierarchy);
  return path ?? assert.fail(`${pid} is in none`);
}

function soleIn(folder: string): number {
  const [pid, ...others] = pidsOf(folder);
  assert.equal(others.length, 0);
  return pid ?? assert.fail(`${folder} is empty`);
}

/** What the command prints and tells. */
async function tasktrail(stage: Stage, ...args: readonly string[]): Promise<string> {
  const terminal = fakeTerminal();
  await runProgram([...args, '--data', stage.recording], terminal, {});
  return [...terminal.printed, ...terminal.told].join('\n').replace(/ {2,}/g, '  ');
}

/** Tries again until it holds: what has just happened may not have been read from the kernel yet. */
async function eventually(check: () => Promise<void>): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    try {
      return await check();
    } catch {
      // The last try says what is wrong.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  await check();
}

function succeeds(stage: Stage, ...command: readonly string[]): boolean {
  try {
    stage.run(command);
    return true;
  } catch {
    // Whoever asks does so until the time is up.
    return false;
  }
}

/** As ids are shown to people. */
function short(id: string): string {
  return id.slice(0, 12);
}
