/**
 * The doctor finds what is wrong, says why, and changes nothing.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { filesystemProbes, helperIn, mountPointFrom } from '../../src/cli/doctor/filesystem.ts';
import { find, Unknowable } from '../../src/cli/doctor/finding.ts';
import { capabilitiesFrom, lockdownFrom } from '../../src/cli/doctor/kernel.ts';
import { machineProbes, spaceFrom } from '../../src/cli/doctor/machine.ts';
import { sourceProbes, sourceTaken } from '../../src/cli/doctor/sources.ts';
import { findingLines } from '../../src/cli/doctor.ts';
import { mountAt } from '../../src/fs/mounting.ts';
import { unmount } from '../../src/system/fuse.ts';
import { emptyFolder } from '../http/fakeDaemon.ts';
import { testNeeding } from '../support/needs.ts';

const doctor = suite('doctor');

doctor('capabilities are enough with CAP_BPF and CAP_PERFMON, or with CAP_SYS_ADMIN', () => {
  const status = (bits: bigint): string =>
    `Name:\tnode\nCapEff:\t${bits.toString(16).padStart(16, '0')}\nSeccomp:\t0\n`;
  assert.is(capabilitiesFrom(status((1n << 38n) | (1n << 39n))), 'CAP_PERFMON, CAP_BPF are there');
  assert.is(capabilitiesFrom(status(1n << 21n)), 'CAP_SYS_ADMIN is there');
  assert.throws(() => capabilitiesFrom(status(0n)), /has no CAP_PERFMON and no CAP_BPF/);
  assert.throws(() => capabilitiesFrom(status(1n << 39n)), /has no CAP_PERFMON$/);
});

doctor('only a lockdown for confidentiality stands in the way', () => {
  assert.match(lockdownFrom('[none] integrity confidentiality\n'), /not locked down/);
  assert.match(lockdownFrom('none [integrity] confidentiality\n'), /leaves eBPF alone/);
  assert.throws(() => lockdownFrom('none integrity [confidentiality]\n'), /locked down to confidentiality/);
});

doctor('a disk that is nearly full is refused, one that is small or in memory is told', () => {
  const disk = { type: 0xef53, bavail: 10 * 2 ** 20, bsize: 4096 };
  assert.is(spaceFrom(disk), '40.0 GiB are free');
  assert.match(spaceFrom({ ...disk, bavail: 25_600 }), /100\.0 MiB are free, which is little/);
  assert.match(spaceFrom({ ...disk, type: 0x01021994 }), /the recording ends with the machine/);
  assert.throws(() => spaceFrom({ ...disk, bavail: 100 }), /only 400\.0 KiB are free/);
});

doctor('a failure is told with its errno, its cause and what it means', async () => {
  const finding = await find({
    name: 'a file',
    needed: true,
    means: 'nothing works',
    causes: { ENOENT: 'nobody made it' },
    attempt: () => {
      closeSync(openSync('/no/such/file', 'r'));
      return 'it opens';
    },
  });
  assert.is(finding.state, 'fails');
  assert.match(finding.says, /ENOENT.*: nobody made it/);
  assert.equal(findingLines([finding, { ...finding, probe: 'b', state: 'works', says: 'fine', means: '' }]), [
    `FAILS  a file  ${finding.says}`,
    '               → nothing works',
    'works  b       fine',
  ]);
});

doctor('the source that is taken is the best of those that work', () => {
  const finding = (probe: string, state: 'works' | 'fails') => ({
    probe,
    state,
    needed: false,
    says: '',
    means: '',
  });
  const [ebpf = '', connector = '', polling = ''] = sourceProbes.map(({ name }) => name);
  const taken = (...states: readonly ('works' | 'fails')[]) =>
    sourceTaken([ebpf, connector, polling].map((probe, i) => finding(probe, states[i] ?? 'fails')));
  assert.is(taken('works', 'works', 'works'), 'ebpf');
  assert.is(taken('fails', 'works', 'works'), 'connector');
  assert.is(taken('fails', 'fails', 'works'), 'polling');
  assert.is(taken('fails', 'fails', 'fails'), undefined);
  // Where the last does not work, none does.
  assert.equal(
    sourceProbes.map(({ needed }) => needed),
    [false, false, true],
  );
});

doctor('what cannot be found out is neither good nor bad', async () => {
  const attempt = (): string => {
    throw new Unknowable('nobody tells');
  };
  const finding = await find({ name: 'x', needed: true, means: 'much', attempt });
  assert.equal([finding.state, finding.says, finding.means], ['unknown', 'nobody tells', '']);
});

async function tryFolder(folder: string) {
  const probe = machineProbes(folder).find(({ name }) => name === 'data folder');
  assert.ok(probe);
  return find(probe);
}

doctor('a data folder is tried for real, and left as it was', async () => {
  const folder = emptyFolder();
  assert.is((await tryFolder(folder)).state, 'works');
  const missing = await tryFolder(`${folder}/a/b/c`);
  assert.match(missing.says, /can be written and synced in .*, once it is made/);
  assert.not.ok(existsSync(`${folder}/a`));
  writeFileSync(`${folder}/file`, '');
  const below = await tryFolder(`${folder}/file/c`);
  assert.match(below.says, /ENOTDIR/);
  rmSync(folder, { recursive: true });
});

doctor('a folder in which nothing can be made is refused', async () => {
  const { state, says } = await tryFolder('/proc/tasktrail');
  assert.is(state, 'fails');
  assert.match(says, /ENOENT/);
});

doctor('who is not root mounts through a helper that is set-uid root', () => {
  const [without, unable] = [emptyFolder(), emptyFolder()];
  assert.throws(() => helperIn(without), /not installed/);
  const program = `${unable}/fusermount3`;
  writeFileSync(program, '');
  chmodSync(program, 0o755);
  assert.throws(() => helperIn(`${without}:${unable}`), /fusermount3 is not set-uid root/);
  chmodSync(program, 0o4755);
  if (statSync(program).uid === 0) assert.is(helperIn(`${without}:${unable}`), `${program} is there`);
  for (const folder of [without, unable]) rmSync(folder, { recursive: true });
});

doctor('the mount point is to be empty, or to be made', () => {
  const folder = emptyFolder();
  assert.is(mountPointFrom(folder), `${folder} is empty`);
  assert.is(mountPointFrom(`${folder}/a`), `${folder}/a is made when it is needed`);
  assert.not.ok(existsSync(`${folder}/a`));
  assert.throws(() => mountPointFrom(`${folder}/a/b`), /ENOENT/);
  mkdirSync(`${folder}/a`);
  assert.throws(() => mountPointFrom(folder), /is not empty/);
  rmSync(folder, { recursive: true });
});

testNeeding(
  doctor,
  ['fuse'],
  'a mount is tried for real, and what a killed daemon left is found',
  async () => {
    const folder = emptyFolder();
    const findings = await Promise.all(filesystemProbes(folder).map(find));
    assert.equal(
      findings.filter(({ probe }) => probe !== 'fusermount3').map(({ says }) => says),
      ['it opens', 'something was mounted, and unmounted again', `${folder} is empty`],
    );
    const { device } = mountAt(folder, { shown: 'tree', isReadOnly: false });
    try {
      assert.throws(() => mountPointFrom(folder), /does not answer/);
      device.close();
      assert.match(mountPointFrom(folder), /a killed daemon's mount is left/);
    } finally {
      unmount(folder);
    }
    rmSync(folder, { recursive: true });
  },
);

doctor.run();
