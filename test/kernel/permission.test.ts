/** Mode bits, owners and sticky directories, as the kernel's own filesystems have them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { may, mayUnlinkIn, ownsOrRules, read, search, write } from '../../src/kernel/permission.ts';

const permission = suite('permission');

const root = { pid: 1, uid: 0, gid: 0, groups: [] };
const owner = { pid: 2, uid: 1000, gid: 1000, groups: [] };
const member = { pid: 3, uid: 1001, gid: 50, groups: [] };
const guest = { pid: 4, uid: 1002, gid: 1002, groups: [7, 50] };
const other = { pid: 5, uid: 1003, gid: 1003, groups: [7] };

const node = (mode: number) => ({ mode, uid: 1000, gid: 50 });

permission('the first of owner, group and others that fits decides alone', () => {
  for (const [mode, owners, groups, others] of [
    [0o700, true, false, false],
    [0o070, false, true, false],
    [0o007, false, false, true],
    [0o077, false, true, true],
    [0o707, true, false, true],
  ] as const) {
    assert.is(may(owner, node(mode), write | search), owners);
    assert.is(may(member, node(mode), write | search), groups);
    assert.is(may(guest, node(mode), write | search), groups);
    assert.is(may(other, node(mode), write | search), others);
  }
});

permission('all of the wanted bits are needed', () => {
  assert.is(may(other, node(0o002), write), true);
  assert.is(may(other, node(0o002), write | search), false);
  assert.is(may(other, node(0o005), read | search), true);
  assert.is(may(other, node(0o005), write), false);
});

permission('root is asked for no bit', () => {
  assert.is(may(root, node(0), read | write | search), true);
  assert.is(mayUnlinkIn(root, node(0o1777), node(0o755)), true);
  assert.is(ownsOrRules(root, node(0)), true);
});

permission('the sticky bit is no permission of its own', () => {
  assert.is(may(other, node(0o1000), search), false);
  assert.is(may(owner, node(0o1700), write), true);
});

permission('in a sticky directory its owner and the owner of the entry may remove it', () => {
  const entry = { mode: 0o755, uid: 1001, gid: 0 };
  assert.is(mayUnlinkIn(owner, node(0o1777), entry), true);
  assert.is(mayUnlinkIn(member, node(0o1777), entry), true);
  assert.is(mayUnlinkIn(guest, node(0o1777), entry), false);
  assert.is(mayUnlinkIn(guest, node(0o777), entry), true);
});

permission.run();
