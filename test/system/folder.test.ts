/** A recording's folder: who is let in, and how large it is said to be. */
import { chmodSync, chownSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { folderSize, othersMayEnter, shareFolder } from '../../src/system/folder.ts';
import { emptyFolder } from '../http/fakeDaemon.ts';
import { testNeeding } from '../support/needs.ts';

const folders = suite('folder');

/** What the group of a folder and of the socket in it is when they have been shared with `daemon`. */
function groupsAfter(prepare: (folder: string) => void): readonly [folder: number, socket: number] {
  const folder = emptyFolder();
  const socket = `${folder}/socket`;
  writeFileSync(socket, '');
  prepare(folder);
  shareFolder(folder, socket, 'daemon');
  const gids = [statSync(folder).gid, statSync(socket).gid] as const;
  rmSync(folder, { recursive: true });
  return gids;
}

testNeeding(
  folders,
  ['root'],
  'a group gets the folder that we made, and from others the socket only',
  () => {
    assert.equal(
      groupsAfter((folder) => chmodSync(folder, 0o750)),
      [1, 1],
    );
    assert.equal(
      groupsAfter((folder) => chmodSync(folder, 0o755)),
      [0, 1],
    );
    const staff = (folder: string): void => {
      chmodSync(folder, 0o750);
      chownSync(folder, 0, 50);
    };
    assert.equal(groupsAfter(staff), [50, 1]);
  },
);

folders('a folder that others may enter is told from one that they may not', () => {
  const folder = emptyFolder();
  assert.not.ok(othersMayEnter(folder));
  chmodSync(folder, 0o755);
  assert.ok(othersMayEnter(folder));
  rmSync(folder, { recursive: true });
});

folders('the size is what it was at most a second ago', () => {
  const folder = emptyFolder();
  let nowUs = 5_000_000;
  const sizeBytes = folderSize(folder, () => nowUs);
  assert.is(sizeBytes(), 0);
  writeFileSync(`${folder}/file`, 'four');
  nowUs += 999_999;
  assert.is(sizeBytes(), 0);
  nowUs += 1;
  assert.is(sizeBytes(), 4);
  rmSync(folder, { recursive: true });
});

folders.run();
