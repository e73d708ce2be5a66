/**
 * The parsers of /proc on literal file contents, and looks at tasks that live here.
 */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mountedHierarchies } from '../../src/sources/cgroups.ts';
import {
  commOf,
  isExiting,
  lookAtTask,
  parseStat,
  parseStatus,
  readBootId,
  scanTasks,
} from '../../src/sources/proc.ts';
import { testNeeding } from '../support/needs.ts';

const test = suite('/proc');

const rest =
  '1 4242 4242 34816 4242 4194560 1181 0 2 0 12 5 0 0 20 0 1 0 149557 2404352 202 18446744073709551615 1 2 3 0 0';

test('a stat file is read', () => {
  assert.equal(parseStat(`4242 (sleep) S ${rest}\n`), {
    state: 'S',
    parentPid: 1,
    flags: 4194560,
    startTicks: 149557,
  });
});

test('a name cannot pass for the fields behind it', () => {
  for (const name of ['a b', ') R 9 9', '(((', ')))', 'a\n) Z 0', '\xff\xfe', '', 'tab\there']) {
    const stat = parseStat(`4242 (${name}) S ${rest}\n`);
    assert.equal([stat.state, stat.parentPid, stat.startTicks], ['S', 1, 149557], name);
  }
});

const status = (name: string) =>
  `Name:\t${name}\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t4240\nNgid:\t0\nPid:\t4242\nPPid:\t1\n` +
  'TracerPid:\t0\nUid:\t1001\t1002\t1003\t1004\nGid:\t5\t6\t7\t8\nFDSize:\t64\nGroups:\t4 24 \n';

test('a status file is read', () => {
  assert.equal(parseStatus(status('sleep')), { name: 'sleep', tgid: 4240, uid: 1001, suid: 1003 });
});

test('a name is given back as the bytes that it is', () => {
  const names = {
    'a b)(': 'a b)(',
    'Uid:\t1\t2\t3': 'Uid:\t1\t2\t3',
    'two\\nlines': 'two\nlines',
    'back\\\\slash': 'back\\slash',
    'both\\\\n': 'both\\n',
    'caf\xc3\xa9 \xff': 'caf\xc3\xa9 \xff',
    '': '',
  };
  for (const [shown, name] of Object.entries(names)) {
    const parsed = parseStatus(status(shown));
    assert.equal([parsed.name, parsed.tgid, parsed.uid], [name, 4240, 1001]);
  }
});

test('zombies, the dead and those on their way there are exiting', () => {
  const stat = parseStat(`1 (x) S ${rest}`);
  assert.is(isExiting(stat), false);
  assert.is(isExiting({ ...stat, state: 'Z' }), true);
  assert.is(isExiting({ ...stat, state: 'X' }), true);
  assert.is(isExiting({ ...stat, flags: stat.flags | 4 }), true);
});

test('of the kernel’s own threads the name is what the kernel holds, not what /proc adds', () => {
  const worker = 0x4208060;
  const thread = 0x208040;
  assert.is(commOf('kworker/u8:3-events_unbound', worker), 'kworker/u8:3');
  assert.is(commOf('kworker/0:1H+kblockd', worker), 'kworker/0:1H');
  assert.is(commOf('kworker/R-nvme-wq', worker), 'kworker/R-nvme-');
  assert.is(commOf('rcu_tasks_rude_kthread', thread), 'rcu_tasks_rude_');
  assert.is(commOf('a-b+c', 0), 'a-b+c');
});

test('this process is found as it is', () => {
  const title = process.title;
  process.title = '(a) \\b\nc';
  try {
    const task = lookAtTask(process.pid);
    assert.is(task?.comm, '(a) \\b\nc');
    assert.is(task?.tgid, process.pid);
    assert.is(task?.parentPid, process.ppid);
    assert.is(task?.uid, process.getuid?.());
    const [, fields = ''] = readFileSync('/proc/self/stat', 'latin1').split(`${task?.comm}) `);
    assert.is(task?.startTicks, Number(fields.split(' ')[19]));
  } finally {
    process.title = title;
  }
});

test('a scan finds this process with all its threads, each once and with its leader as parent', () => {
  const tasks = [...scanTasks()];
  const own = tasks.filter(({ tgid }) => tgid === process.pid);
  const threads = own.filter(({ pid }) => pid !== process.pid);
  assert.ok(threads.length > 0);
  assert.is(own.length - threads.length, 1);
  for (const thread of threads) assert.is(thread.parentPid, process.pid);
  assert.is(new Set(tasks.map(({ pid }) => pid)).size, tasks.length);
});

test('there is no task of a pid that cannot be', () => {
  assert.is(lookAtTask(2 ** 22 + 1), undefined);
  assert.is(lookAtTask(0), undefined);
});

test('a boot has an id', () => {
  assert.match(readBootId(), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});

testNeeding(test, ['v2'], 'a task whose group is nowhere to be found is told to be so', () => {
  const elsewhere = mountedHierarchies().map((mounted) => ({ ...mounted, device: 1 }));
  assert.is(lookAtTask(process.pid)?.unplaced, undefined);
  const task = lookAtTask(process.pid, elsewhere.slice(0, 1));
  assert.equal([task?.groups, task?.unplaced], [undefined, true]);
});

test.run();
