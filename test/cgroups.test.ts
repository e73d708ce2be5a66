/**
 * Machines of all kinds, as far as one machine can be all of them: with both versions of cgroups, with one, with none
 * mounted, in a cgroup namespace, and for a user who may do nothing. Each time the doctor says what is the matter, and
 * a recorder mirrors what can be mirrored, or says in one sentence why not.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Finding } from '../src/cli/doctor/finding.ts';
import { mountedHierarchies } from '../src/sources/cgroups.ts';
import { parseMounts } from '../src/system/mountTable.ts';
import { builtProgram } from '../tools/builtProgram.ts';
import { testNeeding } from './support/needs.ts';

const needs = ['root', 'ebpf', 'v1', 'v2'] as const;
const deadlineMs = 30_000;

/** A machine that this one is made to look like for one process. */
interface Machine {
  /** Options of unshare(1). */
  readonly namespaces: readonly string[];
  /** The types of file systems that are not mounted there. */
  readonly unmounted: readonly string[];
  /** What else is done to it, by a shell. */
  readonly alteration?: string;
  /** How Node starts the program. */
  readonly program: readonly string[];
}

const here: Machine = { namespaces: ['--mount'], unmounted: [], program: [builtProgram()] };
const v1Only: Machine = { ...here, unmounted: ['cgroup2'] };
const v2Only: Machine = { ...here, unmounted: ['cgroup'] };
const bare: Machine = { ...here, unmounted: ['cgroup', 'cgroup2'] };
const cgroupless: Machine = { ...bare, program: translated('withoutCgroups') };
const container: Machine = { ...here, namespaces: ['--mount', '--cgroup'] };
const ofNobody: Machine = { ...here, program: translated('asNobody') };
/** There is a file system whose program has died. */
const withDeadMount: Machine = {
  ...here,
  alteration: `
    exec 3<>/dev/fuse
    mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 tasktrail-test "$GROUND" && exec 3>&-`,
};
/** What is mounted of v2, and another file system, is behind a folder that is closed to all but root. */
const closedToNobody: Machine = {
  ...ofNobody,
  unmounted: ['cgroup2'],
  alteration: `
    mkdir -m 700 "$GROUND/closed" && mkdir "$GROUND/closed/v2" "$GROUND/closed/other"
    mount -t tmpfs tasktrail-test "$GROUND/closed/other" && mount -t cgroup2 tasktrail-test "$GROUND/closed/v2"`,
};

testNeeding(
  test,
  needs,
  'with both versions of cgroups v2 is mirrored, and the others where asked for',
  async () => {
    assert.match(await doctorOn(here), /^works: mounted: v2 on .*; mirrored unless told otherwise: v2$/);
    assert.equal(await mirroredOn(here), ['v2']);
    const name = v1Name();
    assert.equal(await mirroredOn(here, 'v2', name), ['v2', name]);
  },
);

testNeeding(test, needs, 'with v1 only nothing is mirrored unless it is asked for', async () => {
  const name = v1Name();
  assert.match(
    await doctorOn(v1Only),
    /^works: mounted: (?!v2).*; mirrored only if asked for with --mirror$/,
  );
  assert.match(await unmirroredOn(v1Only), /^v2 is not mounted; .* can be asked for with --mirror$/);
  assert.equal(await mirroredOn(v1Only, name), [name]);
  assert.match(
    await refusalOn(v1Only, 'v2'),
    /^tasktrail: the cgroup hierarchy v2 is not mounted as a whole where it could be read: choose of those that are mounted, /,
  );
});

testNeeding(test, needs, 'with v2 only that is what can be mirrored', async () => {
  assert.match(await doctorOn(v2Only), /^works: mounted: v2 on [^,]*; .*mirrored unless told otherwise: v2$/);
  assert.equal(await mirroredOn(v2Only), ['v2']);
  assert.match(await refusalOn(v2Only, v1Name()), /: choose of those that are mounted, v2$/);
});

testNeeding(test, needs, 'with no cgroups mounted everything but the mirror works', async () => {
  assert.match(await doctorOn(bare), /^fails: .*: none is mounted as a whole$/);
  assert.is(await unmirroredOn(bare), 'none is mounted as a whole');
  assert.is(await unmirroredOn(bare, 'all'), 'none is mounted as a whole');
  assert.match(
    await refusalOn(bare, 'v2'),
    /the cgroup hierarchy v2 is not mounted .*, and no other is mounted either: mirror none$/,
  );
});

testNeeding(test, needs, 'on a kernel without cgroups everything but the mirror works', async () => {
  assert.is(await doctorOn(cgroupless), 'fails: this kernel has no cgroups');
  assert.is(await unmirroredOn(cgroupless), 'this kernel has none');
  assert.match(
    await refusalOn(cgroupless, 'v2'),
    /^tasktrail: this machine has no cgroup hierarchy v2, and no other is mounted either: mirror none$/,
  );
});

testNeeding(test, needs, 'in a cgroup namespace nothing is mirrored', async () => {
  assert.match(
    await doctorOn(container),
    /^fails: this cgroup namespace is not the initial one: a container is around us$/,
  );
  assert.is(await unmirroredOn(container), 'this cgroup namespace is not the initial one');
  assert.match(
    await refusalOn(container, 'v2'),
    /only in the initial cgroup namespace, .*: start it outside of the container, or mirror none/,
  );
});

testNeeding(test, needs, 'who is not root is told what a recorder needs', async () => {
  assert.match(await doctorOn(ofNobody), /^works: mounted: v2 on /);
  assert.match(
    await doctorOn(ofNobody, 'eBPF source'),
    /^fails: .*EPERM; it needs the capabilities CAP_BPF and CAP_PERFMON/,
  );
  assert.match(
    await refusalOn(ofNobody, 'v2'),
    /^tasktrail: the eBPF source cannot be opened: .*EPERM; it needs the capabilities/,
  );
});

testNeeding(test, [...needs, 'fuse'], 'a dead mount of another kind is in nobody’s way', async () => {
  assert.match(await doctorOn(withDeadMount), /^works: mounted: v2 on /);
  assert.equal(await mirroredOn(withDeadMount), ['v2']);
});

testNeeding(
  test,
  needs,
  'a hierarchy that is mounted where nobody gets is not mounted for nobody',
  async () => {
    assert.match(await doctorOn(closedToNobody), /^works: mounted: (?!v2).*; not mounted: v2[,;]/);
  },
);

test.run();

/** One of the hierarchies of v1 that this machine has mounted. */
function v1Name(): string {
  const found = mountedHierarchies().find(({ hierarchy }) => hierarchy !== 0);
  assert.ok(found, 'no hierarchy of v1 is mounted');
  return found.name;
}

/** What `tasktrail doctor` says of one thing: its state and the sentence. */
async function doctorOn(machine: Machine, probe = 'cgroup hierarchies'): Promise<string> {
  const { output } = await inFolder((folder) => run(machine, ['doctor', '--json', '--data', folder]));
  const lines = output.split('\n').filter((line) => line !== '');
  const findings = lines.map((line): Finding => JSON.parse(line));
  const finding = findings.find((one) => one.probe === probe);
  return `${finding?.state}: ${finding?.says}`;
}

/** The trees that `tasktrail up` mirrors, by their names. */
async function mirroredOn(machine: Machine, ...mirror: readonly string[]): Promise<string[]> {
  const { output } = await recordedOn(machine, mirror);
  const view = JSON.parse(output.split('\n')[0] ?? '');
  return view.trees.slice(1).map(({ tree }: { tree: string }) => tree);
}

/** What `tasktrail up` says of mirroring none, and records. */
async function unmirroredOn(machine: Machine, ...mirror: readonly string[]): Promise<string> {
  const { output, complaint, code } = await recordedOn(machine, mirror);
  assert.is(code, 0, complaint);
  assert.match(output, /"source":"ebpf"/);
  return (
    /^tasktrail: none of the machine's own cgroups is mirrored: (.*)$/m.exec(complaint)?.[1] ?? complaint
  );
}

/** `tasktrail up` until it has begun. */
function recordedOn(machine: Machine, mirror: readonly string[]): Promise<Ended> {
  return inFolder((folder) =>
    run(
      machine,
      ['up', '--no-mount', '--no-pin', '--json', '--data', folder, ...mirrorOptions(mirror)],
      (child) => child.kill('SIGINT'),
    ),
  );
}

/** What `tasktrail up` says when it does not start. */
async function refusalOn(machine: Machine, ...mirror: readonly string[]): Promise<string> {
  const { complaint, code } = await inFolder((folder) =>
    run(machine, ['up', '--no-mount', '--no-pin', '--data', folder, ...mirrorOptions(mirror)]),
  );
  assert.is(code, 1, complaint);
  return complaint.trimEnd();
}

function mirrorOptions(names: readonly string[]): string[] {
  return names.flatMap((name) => ['--mirror', name]);
}

async function inFolder<T>(act: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-test-'));
  chmodSync(folder, 0o777);
  try {
    return await act(join(folder, 'recording'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Ended {
  readonly output: string;
  readonly complaint: string;
  readonly code: number | null;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** A program of the tests', which is not built. */
function translated(name: string): readonly string[] {
  return [...process.execArgv, fileURLToPath(new URL(`./cli/${name}.ts`, import.meta.url))];
}

/** Unmounts what is given before `--`, and becomes the program behind it. */
const becomeProgram =
  'while [ "$1" != -- ]; do umount "$1" || exit 2; shift; done; shift; eval "$ALTERATION" || exit 2; exec "$@"';

/** Runs the program on a machine to its end; `onOutput` is told when it first says something. */
async function run(
  { namespaces, unmounted, program, alteration = '' }: Machine,
  args: readonly string[],
  onOutput: (child: Child) => void = () => {},
): Promise<Ended> {
  const mounts = parseMounts(readFileSync('/proc/self/mountinfo', 'latin1'));
  const folders = mounts
    .filter(({ fileSystem }) => unmounted.includes(fileSystem))
    .map((one) => one.mountPoint);
  const ground = mkdtempSync(join(tmpdir(), 'tasktrail-test-'));
  chmodSync(ground, 0o755);
  const typed = [process.execPath, ...program, ...args];
  const child = spawn(
    'unshare',
    [...namespaces, 'sh', '-c', becomeProgram, 'sh', ...folders, '--', ...typed],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ALTERATION: alteration, GROUND: ground },
    },
  );
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  let output = '';
  let complaint = '';
  child.stdout.once('data', () => onOutput(child));
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  rmSync(ground, { recursive: true });
  return { output, complaint, code };
}
