/**
 * A stage for what makes groups and containers on a machine: namespaces in which /run, /var/lib and /dev/shm are empty,
 * what is written to /etc is not kept, and the network ends, while the cgroup hierarchies and the pids are the machine's
 * own. Whatever is started on it, and every group that it has made, is gone when the stage is closed.
 */
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { mountedHierarchies } from '../../src/sources/cgroups.ts';
import { hasCode } from '../../src/system/errno.ts';
import { builtProgram } from '../../tools/builtProgram.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const deadlineMs = 30_000;

/**
 * Limits of processes: runtimes set those of whoever packaged them, and fail where they may not raise their own. What a
 * container runs is one program without libraries.
 */
const setUp = `
set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /dev/shm
mkdir /run/etc /run/etc.work
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/etc.work overlay /etc
for folder in "$@"; do
  umount "$folder"
  # crun takes a folder of this name for a hierarchy, and makes directories there, which must not stay.
  mount -t tmpfs tmpfs "$folder"
done
mkdir -p /run/rootfs/bin /run/rootfs/proc /run/rootfs/sys /run/rootfs/dev
! command -v busybox > /dev/null || cp "$(command -v busybox)" /run/rootfs/bin/busybox
ln -s busybox /run/rootfs/bin/sleep
cat > /run/containers.conf <<'END'
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
END
echo ready
exec cat
`;

const environment = { ...process.env, CONTAINERS_CONF: '/run/containers.conf', STORAGE_DRIVER: 'vfs' };

type Actor = ChildProcessByStdio<Writable, Readable, Readable>;

export class Stage {
  /** The name of a group that is this stage's own, in whichever hierarchies something makes it. */
  readonly group: string;
  /** The folder of the recording that is made here. */
  readonly recording: string;
  readonly #keeper: Actor;
  readonly #groups: readonly string[];
  #recorder: Actor | undefined;

  private constructor(keeper: Actor, usual: readonly string[]) {
    this.#keeper = keeper;
    this.recording = mkdtempSync(join(tmpdir(), 'tasktrail-stage-'));
    this.group = `tasktrail-stage-${keeper.pid}`;
    this.#groups = [this.group, ...usual.filter((name) => foldersNamed(name).length === 0)];
  }

  /**
   * Opens a stage on which these folders are not mounted. `usual` names groups that a manager makes in every root: they
   * are removed at the end, unless the machine has them already.
   */
  static async open(unmounted: readonly string[] = [], usual: readonly string[] = []): Promise<Stage> {
    const typed = ['--mount', '--net', '--uts', '--ipc', '--propagation', 'private', 'sh', '-c', setUp, 'sh'];
    const keeper = spawn('unshare', [...typed, ...unmounted], { stdio: 'pipe' });
    await firstLine(keeper);
    return new Stage(keeper, usual);
  }

  /** Starts to record; resolves when everything that happens from here on is recorded. */
  async record(...mirror: readonly string[]): Promise<void> {
    const options = mirror.flatMap((name) => ['--mirror', name]);
    const typed = [
      process.execPath,
      builtProgram(),
      'up',
      '--no-mount',
      '--no-pin',
      '--json',
      '--data',
      this.recording,
    ];
    this.#recorder = this.start([...typed, ...options]);
    await firstLine(this.#recorder);
  }

  /** Stops to record, in order. */
  async stopRecording(): Promise<void> {
    const recorder = this.#recorder ?? assert.fail('nothing records');
    recorder.kill('SIGINT');
    await once(recorder, 'close');
  }

  /** Runs a program to its end; returns what it has printed. */
  run(command: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync('nsenter', this.#entering(command), {
      encoding: 'utf8',
      env: environment,
      timeout: deadlineMs,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    assert.equal(status, 0, `${command.join(' ')}: ${stderr}`);
    return stdout.trimEnd();
  }

  /** Starts a program that goes on. */
  start(command: readonly string[]): Actor {
    return spawn('nsenter', this.#entering(command), { env: environment, stdio: 'pipe' });
  }

  /** Ends all that is on the stage, and removes its groups. */
  async close(): Promise<void> {
    const namespace = readlinkSync(`/proc/${this.#keeper.pid}/ns/mnt`);
    const closed = once(this.#keeper, 'close');
    await until(() => {
      const actors = pidsIn(namespace);
      for (const pid of actors) end(pid);
      return actors.length === 0;
    });
    await closed;
    await until(() => this.#groups.flatMap(foldersNamed).every(removeWhole));
    rmSync(this.recording, { recursive: true, force: true });
  }

  #entering(command: readonly string[]): string[] {
    const target = ['--target', String(this.#keeper.pid), '--mount', '--net', '--uts', '--ipc'];
    return [...target, 'sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', repository, ...command];
  }
}

/** Resolves as soon as the condition holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    assert(Date.now() < deadline, `this does not come true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The tasks in a group, by the kernel's own list. */
export function pidsOf(folder: string): number[] {
  const text = readFileSync(`${folder}/cgroup.procs`, 'latin1');
  return text.split('\n').filter(Boolean).map(Number);
}

/** Rejects when the program ends instead. */
async function firstLine(actor: Actor): Promise<void> {
  let complaint = '';
  actor.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  const ended = once(actor, 'close').then(() => assert.fail(`it did not start: ${complaint}`));
  await Promise.race([once(actor.stdout, 'data'), ended]);
  // That it ends later on is as it should be.
  ended.catch(() => {});
}

function foldersNamed(name: string): string[] {
  return mountedHierarchies()
    .map(({ mountPoint }) => `${mountPoint}/${name}`)
    .filter((folder) => existsSync(folder));
}

/** Kills what is in a group and below it, and removes all of it; whether that is done. */
function removeWhole(folder: string): boolean {
  const folders = execFileSync('find', [folder, '-depth', '-type', 'd'], { encoding: 'latin1' });
  for (const one of folders.split('\n').filter(Boolean)) {
    for (const pid of pidsOf(one)) end(pid);
    try {
      rmdirSync(Buffer.from(one, 'latin1'));
    } catch (error) {
      // What has just been killed may still be there; then the next round comes.
      if (!hasCode(error, 'EBUSY')) throw error;
      return false;
    }
  }
  return true;
}

function pidsIn(namespace: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => namespaceOf(pid) === namespace).map(Number);
}

function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch (error) {
    // It has ended, is a kernel thread's, or of somebody who lets nobody look: none of them is on a stage.
    if (hasCode(error, 'ENOENT', 'ESRCH', 'EACCES')) return undefined;
    throw error;
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}
