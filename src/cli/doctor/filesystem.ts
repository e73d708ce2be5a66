/**
 * What the containers need to be shown as a filesystem: the device, whoever mounts for users that are not root, a mount
 * for real, and the place where `up` would make it.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { mountAt, undo } from '../../fs/mounting.ts';
import { hasCode } from '../../system/errno.ts';
import { connectionAt } from '../../system/fuseControl.ts';
import { type Probe, Unknowable } from './finding.ts';

const means = 'the tree cannot be shown as a filesystem; every command works without';

/** `mountPoint` is where `up` mounts where nobody says where. */
export function filesystemProbes(mountPoint: string): readonly Probe[] {
  return [
    {
      name: '/dev/fuse',
      needed: false,
      means,
      causes: {
        ENOENT: 'the kernel has no FUSE, or its module is not loaded (modprobe fuse)',
        EACCES: 'this user may not open it',
        EPERM: 'a container around us does not let it be opened',
        ENODEV: 'the module of FUSE is not loaded (modprobe fuse)',
      },
      attempt: () => {
        closeSync(openSync('/dev/fuse', constants.O_RDWR));
        return 'it opens';
      },
    },
    {
      name: helper,
      needed: false,
      means: 'users other than root cannot mount the tree: install the package fuse3',
      attempt: () => helperIn(process.env.PATH ?? ''),
    },
    {
      name: 'mounting',
      needed: false,
      means,
      causes: {
        EPERM: 'CAP_SYS_ADMIN is missing, or a container around us does not let anything be mounted',
      },
      attempt: tryMount,
    },
    {
      name: 'mount point',
      needed: false,
      means: '`tasktrail up` cannot mount the tree there: say where with --mount, or do without (--no-mount)',
      attempt: () => mountPointFrom(mountPoint),
    },
  ];
}

const helper = 'fusermount3';

/** It works only where it is root's, and whoever runs it is root meanwhile (S_ISUID of inode(7)). */
export function helperIn(path: string): string {
  const found = path
    .split(delimiter)
    .map((folder) => join(folder, helper))
    .find((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
  if (found === undefined) throw new Error('it is not installed');
  const { mode, uid } = statSync(found);
  if (uid === 0 && (mode & 0o4000) !== 0) return `${found} is there`;
  throw new Error(`${found} is not set-uid root, so that it may not mount`);
}

/** Nobody serves it, so that nobody may come in: it is read-only, in a folder of its own, and gone at once. */
function tryMount(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-doctor-'));
  try {
    undo(mountAt(folder, { shown: 'tree', isReadOnly: true }));
  } finally {
    rmdirSync(folder);
  }
  return 'something was mounted, and unmounted again';
}

/** How long whoever serves a mount may take to answer. */
const patienceMs = 2000;

export function mountPointFrom(folder: string): string {
  if (connectionAt(folder) !== undefined) return mountedFrom(folder);
  try {
    if (readdirSync(folder).length === 0) return `${folder} is empty`;
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    statSync(dirname(folder));
    return `${folder} is made when it is needed`;
  }
  throw new Error(`${folder} is not empty`);
}

/**
 * Whoever serves it may hang, and with him whoever asks: so another process does, which can be killed. It asks for the
 * filesystem: what the kernel keeps of a file outlives whoever served it.
 */
function mountedFrom(folder: string): string {
  const { error, status, stderr } = spawnSync('stat', ['-f', '--', folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
    encoding: 'utf8',
    timeout: patienceMs,
    killSignal: 'SIGKILL',
  });
  if (hasCode(error, 'ETIMEDOUT')) throw new Error(`whoever serves ${folder} does not answer`);
  if (error) throw new Unknowable(`${folder} is mounted, and stat cannot be run to see by whom`);
  if (status === 0) return `the tree is mounted at ${folder}`;
  // What a daemon leaves that was killed is no obstacle.
  if (/not connected/.test(stderr)) return `a killed daemon's mount is left at ${folder}, and is replaced`;
  throw new Error(stderr.trim());
}
