/**
 * Tests that need root or a kernel feature. Where the need is not met the test is registered as skipped and
 * named on stdout (`skipped: NAME (needs …)`), so that `tools/test.ts` can count it and nobody mistakes it
 * for a pass.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Test } from 'uvu';
import { mountedHierarchies } from '../../src/sources/cgroups.ts';
import { openConnector } from '../../src/system/connector.ts';
import { otherNamespace } from '../../src/system/namespaces.ts';

const needs = {
  root: () => process.getuid?.() === 0,
  /** eBPF with type information, in the initial pid namespace: what the eBPF source asks for. */
  ebpf: () =>
    process.getuid?.() === 0 && readable('/sys/kernel/btf/vmlinux') && otherNamespace('pid') === undefined,
  /** The process connector, which answers in the initial namespaces only. */
  connector: () => answers(),
  /** A C compiler, for the small programs that no shell can stand in for. */
  cc: () => executable('cc'),
  /** A loop device and mkfs.ext4: a file system of our own, whose power can be cut. */
  loop: () => process.getuid?.() === 0 && readable('/dev/loop-control') && executable('mkfs.ext4'),
  /** File systems of our own, mounted where nobody else sees them. */
  fuse: () => process.getuid?.() === 0 && readable('/dev/fuse') && executable('unshare'),
  /** FUSE for whoever is not root. */
  fusermount3: () => executable('fusermount3'),
  /** A terminal to start something from: script(1) of util-linux. */
  script: () => executable('script'),
  /** The unified cgroup hierarchy, mounted. */
  v2: () => readFileSync('/proc/self/mountinfo', 'latin1').includes(' - cgroup2 '),
  /** A kernel that mounts cgroup hierarchies of the first version. */
  v1: () => /\tcgroup$/m.test(readFileSync('/proc/filesystems', 'latin1')),
  /** A memory controller whose groups can be given a limit. */
  memory: () => limitedMemory() !== undefined,
  /** An ordinary user who can read what is tested, to become. */
  nobody: () => process.getuid?.() === 0 && readableByNobody(),
  python3: () => executable('python3'),
  bash: () => executable('bash'),
  dash: () => executable('dash'),
  'stress-ng': () => executable('stress-ng'),
  /** A hierarchy of the first version that is mounted, to be used together with others. */
  v1Mounted: () => mountedHierarchies().some(({ hierarchy }) => hierarchy !== 0),
  /** A busybox that runs in a root directory with nothing else: no word of a dynamic linker at its beginning. */
  busybox: () => {
    const path = pathOf('busybox');
    return path !== undefined && !readFileSync(path).subarray(0, 4096).includes('ld-linux');
  },
  /** A browser, as Debian calls it. */
  chromium: () => executable('chromium'),
  'cgroup-tools': () => executable('cgexec'),
  docker: () => executable('dockerd') && executable('docker'),
  podman: () => executable('podman') && executable('conmon'),
  containerd: () => executable('containerd') && executable('ctr'),
  runc: () => executable('runc'),
  crun: () => executable('crun'),
  systemd: () => readable('/lib/systemd/systemd') && executable('systemd-run'),
} as const;

export type Need = keyof typeof needs;

/** Registers a test that runs only where every need is met. */
export function testNeeding<T>(
  test: Test<T>,
  names: readonly Need[],
  title: string,
  body: Parameters<Test<T>>[1],
): void {
  const missing = names.filter((name) => !needs[name]());
  if (missing.length === 0) {
    test(title, body);
    return;
  }
  console.log(`skipped: ${title} (needs ${missing.join(', ')})`);
  test.skip(title, body);
}

/** Where groups have a limit of memory, and by which file: v1's own hierarchy, or v2 where its root hands it down. */
export function limitedMemory():
  | { readonly name: string; readonly root: string; readonly file: string }
  | undefined {
  for (const { name, mountPoint } of mountedHierarchies()) {
    if (name.split(',').includes('memory')) return { name, root: mountPoint, file: 'memory.limit_in_bytes' };
    if (name !== 'v2') continue;
    const handedDown = readFileSync(`${mountPoint}/cgroup.subtree_control`, 'latin1').trim().split(' ');
    if (handedDown.includes('memory')) return { name, root: mountPoint, file: 'memory.max' };
  }
  return undefined;
}

function answers(): boolean {
  try {
    openConnector(4096).close();
    return true;
  } catch {
    return false;
  }
}

function readableByNobody(): boolean {
  const read = `process.setgid(65534); process.setuid(65534); fs.readFileSync(process.argv[1])`;
  const here = fileURLToPath(import.meta.url);
  return spawnSync(process.execPath, ['-e', read, here], { stdio: 'ignore' }).status === 0;
}

function readable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function executable(name: string): boolean {
  return pathOf(name) !== undefined;
}

function pathOf(name: string): string | undefined {
  const folder = (process.env.PATH ?? '').split(':').find((each) => {
    try {
      accessSync(`${each}/${name}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  return folder && `${folder}/${name}`;
}
