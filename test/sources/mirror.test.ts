/**
 * The mirror of the eBPF source: what it tells of real cgroup hierarchies, of v2 below its root and of one of the
 * first version that is mounted for this test alone.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, closeSync, mkdirSync, openSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { realClock } from '../../src/clock.ts';
import type { GroupId, GroupSeen, Observation, Source } from '../../src/ports.ts';
import { openEbpfSource } from '../../src/sources/ebpf/source.ts';
import { limitedMemory, testNeeding } from '../support/needs.ts';
import { deedsProgram, doDeed, seenOf, theOne } from './deeds.ts';
import { idOfGroup, makeGroup, PrivateHierarchy, removeGroup, unifiedRoot } from './groups.ts';

const test = suite('mirror of cgroup hierarchies');
const needed = ['ebpf', 'cc', 'v1', 'v2'] as const;

let own: PrivateHierarchy | undefined;
let opened: Source | undefined;

function hierarchy(): PrivateHierarchy {
  own ??= new PrivateHierarchy();
  return own;
}

/** One source for most tests: it mirrors v2 and the private hierarchy. */
function source(): Source {
  opened ??= openEbpfSource({ mirror: ['v2', hierarchy().name] });
  return opened;
}

test.after(async () => {
  opened?.close();
  await own?.unmount();
});

type InGroup = (group: string, hierarchy: number) => void | Promise<void>;

/** In v2 and in the private hierarchy, the same with a fresh group of each. */
function inEach(title: string, body: InGroup): void {
  testNeeding(test, needed, `${title}, in v2`, () => inUnified(body));
  testNeeding(test, needed, `${title}, in v1`, () => inPrivate(body));
}

function inUnified(body: InGroup): Promise<void> {
  return inFreshGroup(unifiedRoot(), 0, body);
}

function inPrivate(body: InGroup): Promise<void> {
  return inFreshGroup(hierarchy().folder, hierarchy().hierarchy, body);
}

async function inFreshGroup(root: string, number: number, body: InGroup): Promise<void> {
  const group = makeGroup(root);
  try {
    await body(group, number);
  } finally {
    removeGroup(group);
  }
}

/** What is told while this is done of the groups below one. Others on the machine have groups of their own. */
function seenBelow(from: Source, { group, hierarchy }: GroupId, act: () => void): Observation[] {
  const below = new Set([group]);
  const seen: Observation[] = [];
  from.drain(() => {});
  act();
  from.drain((one) => {
    if (!('hierarchy' in one) || one.type === 'moved' || one.hierarchy !== hierarchy) return;
    if (one.type === 'groupMade' && below.has(one.parent)) below.add(one.group);
    if (one.type === 'hierarchyGone' || below.has(one.group)) seen.push(one);
  });
  return seen;
}

function withoutTime({ bootUs: _, ...rest }: Observation): object {
  return rest;
}

function groupIn(groups: readonly GroupId[] | undefined, number: number): number | undefined {
  return groups?.find((one) => one.hierarchy === number)?.group;
}

/** What a look shows of the groups of one hierarchy. */
function groupsOf(from: Source, number: number): readonly GroupSeen[] {
  return from.hierarchies().find((one) => one.hierarchy === number)?.groups ?? [];
}

function fail(): never {
  throw new Error('there is no memory controller');
}

function at(folder: string, hierarchy: number): GroupId {
  return { hierarchy, group: idOfGroup(folder) };
}

const self = { pid: process.pid, uid: 0, gid: 0 };

inEach('a group that is made and removed is told by its id, its parent and who did it', (group, number) => {
  const made = Buffer.from(`${group}/a b\xff`, 'latin1');
  let id = 0;
  const seen = seenBelow(source(), at(group, number), () => {
    mkdirSync(made);
    id = idOfGroup(made);
    rmdirSync(made);
  });
  assert.equal(seen.map(withoutTime), [
    {
      type: 'groupMade',
      hierarchy: number,
      group: id,
      parent: idOfGroup(group),
      name: 'a b\xff',
      by: self,
    },
    { type: 'groupRemoved', hierarchy: number, group: id, by: self },
  ]);
  const nowUs = realClock().bootUs();
  for (const { bootUs } of seen) assert.ok(bootUs <= nowUs && bootUs > nowUs - 10_000_000);
});

inEach('a name has all of its 255 bytes, whatever they are', (group, number) => {
  const name = `\x01\x80\xff${'\xe9'.repeat(252)}`;
  const folder = Buffer.from(`${group}/${name}`, 'latin1');
  const [made] = seenBelow(source(), at(group, number), () => mkdirSync(folder));
  assert.is(made?.type === 'groupMade' && made.name, name);
  const id = idOfGroup(folder);
  assert.equal(
    groupsOf(source(), number).find((one) => one.group === id),
    { group: id, parent: idOfGroup(group), name },
  );
});

testNeeding(test, needed, 'a group of v1 that gets another name is told with the new one', () => {
  return inPrivate((group, number) => {
    const name = '\xfe'.repeat(255);
    mkdirSync(`${group}/before`);
    const id = idOfGroup(`${group}/before`);
    const seen = seenBelow(source(), { hierarchy: number, group: id }, () => {
      renameSync(`${group}/before`, Buffer.from(`${group}/${name}`, 'latin1'));
    });
    assert.equal(seen.map(withoutTime), [
      { type: 'groupRenamed', hierarchy: number, group: id, name, by: self },
    ]);
  });
});

testNeeding(test, needed, 'who did it is the task that did, with its real user', () => {
  return inPrivate((group, number) => {
    chownSync(group, 1001, 1002);
    let pid = 0;
    const seen = seenBelow(source(), at(group, number), () => {
      ({ pid } = spawnSync('mkdir', [`${group}/theirs`], { uid: 1001, gid: 1002 }));
    });
    assert.equal(
      seen.map((one) => 'by' in one && one.by),
      [{ pid, uid: 1001, gid: 1002 }],
    );
  });
});

inEach('groups in groups, forty deep, are told and looked at parents first', (group, number) => {
  let folder = group;
  const seen = seenBelow(source(), at(group, number), () => {
    for (let depth = 1; depth <= 40; depth++) {
      folder += `/${depth}`;
      mkdirSync(folder);
    }
  });
  let parent = idOfGroup(group);
  const told: GroupSeen[] = [];
  for (const one of seen) {
    if (one.type !== 'groupMade') continue;
    assert.is(one.parent, parent);
    parent = one.group;
    told.push({ group: one.group, parent: one.parent, name: one.name });
  }
  assert.is(told.length, 40);
  const looked = groupsOf(source(), number);
  const first = looked.findIndex((one) => one.group === told[0]?.group);
  assert.equal(looked.slice(first, first + 40), told);
});

inEach('a process that is moved takes all of its threads along', (group, number) => {
  const id = idOfGroup(group);
  const deed = doDeed(source(), 'move', `${group}/cgroup.procs`);
  const { bootUs: _, ...moved } = theOne(deed, 'moved', deed.pid);
  assert.equal(moved, {
    type: 'moved',
    pid: deed.pid,
    tgid: deed.pid,
    whole: true,
    hierarchy: number,
    group: id,
    by: { pid: deed.said('thread'), uid: 0, gid: 0 },
  });
  for (const child of ['of-thread', 'of-leader']) {
    assert.is(groupIn(theOne(deed, 'fork', deed.said(child)).groups, number), id);
  }
});

/** One thread has moved alone: its child is born there, that of its leader is not. */
function movesAlone(group: string, number: number, file: string): void {
  const id = idOfGroup(group);
  const deed = doDeed(source(), 'move', file);
  const thread = deed.said('thread');
  const moved = theOne(deed, 'moved', thread);
  assert.equal([moved.whole, moved.tgid, moved.group], [false, deed.pid, id]);
  assert.is(groupIn(theOne(deed, 'fork', deed.said('of-thread')).groups, number), id);
  assert.is.not(groupIn(theOne(deed, 'fork', deed.said('of-leader')).groups, number), id);
}

testNeeding(test, needed, 'a thread can be moved alone, in v1', () => {
  return inPrivate((group, number) => {
    movesAlone(group, number, `${group}/tasks`);
  });
});

testNeeding(test, needed, 'a thread can be moved alone, in a threaded group of v2', () => {
  return inUnified((group) => {
    const threaded = `${group}/threaded`;
    mkdirSync(threaded);
    writeFileSync(`${threaded}/cgroup.type`, 'threaded');
    const shell = `echo $$ > ${group}/cgroup.procs && exec ${deedsProgram()} move ${threaded}/cgroup.threads`;
    const deed = doDeed(source(), 'exec', '/bin/sh', '-c', shell);
    const moved = theOne(deed, 'moved', deed.said('thread'));
    assert.equal([moved.whole, moved.group], [false, idOfGroup(threaded)]);
    assert.is(groupIn(theOne(deed, 'fork', deed.said('of-thread')).groups, 0), idOfGroup(threaded));
    assert.is(groupIn(theOne(deed, 'fork', deed.said('of-leader')).groups, 0), idOfGroup(group));
  });
});

testNeeding(test, needed, 'a process of one thread is moved as a whole, by whichever file', () => {
  return inPrivate((group) => {
    const deed = doDeed(source(), 'exec', '/bin/sh', '-c', `echo $$ > ${group}/tasks`);
    assert.is(theOne(deed, 'moved', deed.pid).whole, true);
  });
});

testNeeding(
  test,
  needed,
  'a child that is born into another group than its parent is in is told to be there',
  () => {
    return inUnified((group) => {
      const deed = doDeed(source(), 'into', group);
      const child = deed.said('fork');
      assert.is(groupIn(theOne(deed, 'fork', child).groups, 0), idOfGroup(group));
      assert.is(seenOf(deed, 'moved', child).length, 0);
      assert.is.not(groupIn(theOne(deed, 'fork', deed.pid).groups, 0), idOfGroup(group));
    });
  },
);

testNeeding(test, needed, 'what is not mirrored is not told', () => {
  const unified = openEbpfSource({ mirror: ['v2'] });
  try {
    return inPrivate((group, number) => {
      const seen = seenBelow(unified, at(group, number), () => {
        mkdirSync(`${group}/one`);
        renameSync(`${group}/one`, `${group}/other`);
        rmdirSync(`${group}/other`);
      });
      assert.equal(seen, []);
      const deed = doDeed(unified, 'move', `${group}/tasks`);
      assert.is(deed.seen.filter(({ type }) => type === 'moved').length, 0);
      const { groups } = theOne(deed, 'fork', deed.said('of-thread'));
      assert.equal(
        groups?.map((one) => one.hierarchy),
        [0],
      );
    });
  } finally {
    unified.close();
  }
});

/** Has a program stand there with so many further threads, a child and a zombie; the body is told their pids. */
async function holding(
  threads: number,
  body: (pid: number, said: ReadonlyMap<string, number>) => void,
): Promise<void> {
  const program = spawn(deedsProgram(), ['hold', String(threads)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said = new Map<string, number>();
  for await (const line of createInterface(program.stdout)) {
    const [word = '', number] = line.split(' ');
    said.set(word, Number(number));
    if (word === 'ready') break;
  }
  try {
    body(program.pid ?? 0, said);
  } finally {
    program.stdin.end();
    await once(program, 'exit');
  }
}

inEach('a scan and a look show the group of each thread', (group, number) =>
  holding(3, (pid) => {
    writeFileSync(`${group}/cgroup.procs`, String(pid));
    const threads = [...source().scan()].filter(({ tgid }) => tgid === pid);
    assert.is(threads.length, 4);
    for (const { pid: thread, groups } of threads) {
      assert.is(groupIn(groups, number), idOfGroup(group));
      assert.is(groups?.length, 2);
      assert.equal(source().look(thread)?.groups, groups);
    }
  }),
);

inEach('a zombie is not told to be moved, though the kernel takes its pid', (group) =>
  holding(0, (pid, said) => {
    const both = [said.get('zombie') ?? 0, pid];
    const moved: number[] = [];
    source().drain(() => {});
    for (const one of both) writeFileSync(`${group}/cgroup.procs`, String(one));
    source().drain((seen) => {
      if (seen.type === 'moved' && both.includes(seen.pid)) moved.push(seen.pid);
    });
    assert.equal(moved, [pid]);
  }),
);

testNeeding(test, needed, 'a path that is too long for any file to tell is no obstacle', async () => {
  const { folder: root, hierarchy: number } = hierarchy();
  const name = 'n'.repeat(250);
  const folders = [openSync(root, 'r')];
  const below = (i: number) => `/proc/self/fd/${folders[i]}`;
  for (let i = 0; i < 40; i++) {
    mkdirSync(`${below(i)}/${name}`);
    folders.push(openSync(`${below(i)}/${name}`, 'r'));
  }
  const program = spawn('sleep', ['1000']);
  const pid = program.pid ?? 0;
  try {
    writeFileSync(`${below(40)}/cgroup.procs`, String(pid));
    const deepest = idOfGroup(`${below(40)}/.`);
    assert.is(groupIn(source().look(pid)?.groups, number), deepest);
    assert.is(groupIn(source().look(pid)?.groups, 0), groupIn(source().look(process.pid)?.groups, 0));
    const chain = groupsOf(source(), number).filter((one) => one.name === name);
    assert.is(chain.length, 40);
    assert.is(chain[39]?.group, deepest);
    chain.slice(1).forEach((one, i) => {
      assert.is(one.parent, chain[i]?.group);
    });
  } finally {
    program.kill('SIGKILL');
    await once(program, 'exit');
    for (let i = 39; i >= 0; i--) rmdirSync(`${below(i)}/${name}`);
    for (const fd of folders) closeSync(fd);
  }
});

testNeeding(test, needed, 'every group that is told before a look is in the look', async () => {
  const { folder, hierarchy: number } = hierarchy();
  const group = makeGroup(folder);
  const told = new Set<number>();
  source().drain(() => {});
  const making = spawn(deedsProgram(), ['groups', group, '2000']);
  const isOver = once(making, 'exit').then(() => true);
  try {
    for (let isDone = false; !isDone; ) {
      isDone = await Promise.race([isOver, new Promise<boolean>((resolve) => setImmediate(resolve, false))]);
      source().drain((seen) => {
        if (seen.type === 'groupMade' && seen.hierarchy === number) told.add(seen.group);
      });
      const looked = new Set(groupsOf(source(), number).map((one) => one.group));
      const missing = [...told].filter((one) => !looked.has(one));
      assert.equal(missing, []);
    }
    assert.is(told.size, 2000);
  } finally {
    removeGroup(group);
  }
});

testNeeding(test, needed, 'a group of v1 is found however often it gets another name', async () => {
  const { folder, hierarchy: number } = hierarchy();
  const group = makeGroup(folder);
  mkdirSync(`${group}/one/child`, { recursive: true });
  const [id, child] = [idOfGroup(`${group}/one`), idOfGroup(`${group}/one/child`)];
  const swapping = spawn(deedsProgram(), ['swap', `${group}/one`, `${group}/other`]);
  try {
    for (let i = 0; i < 200; i++) {
      const looked = new Set(groupsOf(source(), number).map((one) => one.group));
      assert.ok(looked.has(id) && looked.has(child));
    }
  } finally {
    swapping.stdin.end();
    await once(swapping, 'exit');
    removeGroup(group);
  }
});

testNeeding(
  test,
  needed,
  'a hierarchy is told once it is gone, and is no more in a look once it is unmounted',
  async () => {
    const short = new PrivateHierarchy();
    const mirror = openEbpfSource({ mirror: [short.name, 'v2'] });
    try {
      assert.equal(
        mirror.hierarchies().map((one) => one.hierarchy),
        [short.hierarchy, 0],
      );
      assert.equal(mirror.hierarchies()[0], {
        name: short.name,
        hierarchy: short.hierarchy,
        mountPoint: short.folder,
        groups: [{ group: idOfGroup(short.folder), parent: 0, name: '' }],
      });
      mirror.drain(() => {});
      await short.unmount();
      const gone: Observation[] = [];
      mirror.drain((seen) => {
        if (seen.type === 'hierarchyGone') gone.push(seen);
      });
      assert.equal(gone.map(withoutTime), [{ type: 'hierarchyGone', hierarchy: short.hierarchy }]);
      assert.equal(
        mirror.hierarchies().map((one) => one.hierarchy),
        [0],
      );
      assert.equal(
        mirror.look(process.pid)?.groups?.map((one) => one.hierarchy),
        [0],
      );
      assert.is(mirror.lost(), 0);
    } finally {
      mirror.close();
    }
  },
);

testNeeding(
  test,
  needed,
  'a task is found in a group over which, or over one around it, something is mounted',
  async () => {
    const { folder: root, hierarchy: number } = hierarchy();
    const group = makeGroup(root);
    mkdirSync(`${group}/child`);
    const ids = [idOfGroup(group), idOfGroup(`${group}/child`)];
    const program = spawn('sleep', ['1000']);
    const pid = program.pid ?? 0;
    const folders = [group, `${group}/child`].map((folder) => openSync(folder, 'r'));
    execFileSync('mount', ['-t', 'tmpfs', 'tasktrail-test', group]);
    try {
      folders.forEach((fd, i) => {
        writeFileSync(`/proc/self/fd/${fd}/cgroup.procs`, String(pid));
        const task = [...source().scan()].find((one) => one.pid === pid);
        assert.is(groupIn(task?.groups, number), ids[i]);
        assert.is(groupIn(task?.groups, 0), groupIn(source().look(process.pid)?.groups, 0));
      });
      assert.equal(
        groupsOf(source(), number)
          .slice(-2)
          .map((one) => one.group),
        ids,
      );
    } finally {
      for (const fd of folders) closeSync(fd);
      execFileSync('umount', [group]);
      program.kill('SIGKILL');
      await once(program, 'exit');
      removeGroup(group);
    }
  },
);

testNeeding(test, needed, 'hierarchies that come later do not hide one that is mirrored', async () => {
  const group = makeGroup(hierarchy().folder);
  const lostBefore = source().lost();
  const later = [1, 2, 3].map(() => new PrivateHierarchy());
  try {
    const deed = doDeed(source(), 'move', `${group}/cgroup.procs`);
    for (const child of ['of-thread', 'of-leader']) {
      const { groups } = theOne(deed, 'fork', deed.said(child));
      assert.is(groupIn(groups, hierarchy().hierarchy), idOfGroup(group));
    }
    assert.is(source().lost(), lostBefore);
  } finally {
    removeGroup(group);
    for (const one of later) await one.unmount();
  }
});

testNeeding(test, needed, 'a hierarchy is looked at where it is mounted now', async () => {
  const moving = new PrivateHierarchy();
  const group = makeGroup(moving.folder);
  const mirror = openEbpfSource({ mirror: [moving.name] });
  try {
    const before = groupsOf(mirror, moving.hierarchy);
    assert.is(before.length, 2);
    moving.mountElsewhere();
    assert.is(mirror.hierarchies()[0]?.mountPoint, moving.folder);
    assert.equal(groupsOf(mirror, moving.hierarchy), before);
    assert.is(mirror.look(process.pid)?.groups?.length, 1);
  } finally {
    mirror.close();
    removeGroup(`${moving.folder}/${basename(group)}`);
    await moving.unmount();
  }
});

testNeeding(
  test,
  [...needed, 'memory'],
  'who is killed because memory ran out is told before its end',
  () => {
    const { root, file, name } = limitedMemory() ?? fail();
    const group = makeGroup(root);
    const mirror = openEbpfSource({ mirror: [name] });
    try {
      writeFileSync(`${group}/${file}`, String(16 * 2 ** 20));
      const deed = doDeed(mirror, 'eat', `${group}/cgroup.procs`, 64 * 2 ** 20);
      const victim = deed.said('fork');
      assert.equal(
        deed.seen.filter((one) => one.pid === victim).map(({ type }) => type),
        ['fork', 'moved', 'oom', 'exit'],
      );
      assert.is(theOne(deed, 'moved', victim).group, idOfGroup(group));
      assert.is(theOne(deed, 'exit', victim).status & 0x7f, 9);
    } finally {
      mirror.close();
      removeGroup(group);
    }
  },
);

testNeeding(test, needed, 'an exit tells what the task has used', () => {
  const deed = doDeed(source(), 'use', 150, 50 * 2 ** 20);
  const child = deed.said('fork');
  const exits = deed.seen.filter((one) => one.type === 'exit' && one.pid !== deed.pid);
  const [thread, leader] = exits;
  assert.is(exits.length, 2);
  assert.is(leader?.pid, child);
  if (thread?.type !== 'exit' || leader?.type !== 'exit') return assert.unreachable();
  // What wait4(2) answers for the whole process. The kernel adds the last stretch of a thread after it has exited.
  assert.is(thread.peakBytes, 0);
  assert.is(leader.peakBytes, deed.said('peak-kib') * 1024);
  const waitedUs = deed.said('cpu-us');
  const seenUs = thread.cpuUs + leader.cpuUs;
  assert.ok(thread.cpuUs >= 140_000 && leader.cpuUs >= 140_000, `${thread.cpuUs} and ${leader.cpuUs}`);
  assert.ok(seenUs <= waitedUs && seenUs >= waitedUs - 40_000, `${seenUs} of ${waitedUs}`);
});

testNeeding(test, needed, 'only the last exit of a process tells its memory', () => {
  // Of a process that has executed a program the kernel knows a peak before it ends.
  const deed = doDeed(source(), 'thread');
  assert.is(theOne(deed, 'exit', deed.said('thread')).peakBytes, 0);
  assert.ok(theOne(deed, 'exit', deed.pid).peakBytes > 0);
});

testNeeding(test, needed, 'outside of the initial cgroup namespace it mirrors nothing, and says why', () => {
  const program = fileURLToPath(new URL('./open.ts', import.meta.url));
  const open = (...mirror: string[]): string =>
    spawnSync(process.execPath, [...process.execArgv, program, 'cgroup', ...mirror], { encoding: 'utf8' })
      .stdout;
  assert.is(open(), 'opened');
  assert.match(open('v2'), /only in the initial cgroup namespace, .* or mirror none$/);
});

testNeeding(test, needed, 'a hierarchy that does not exist is refused, with those that do', () => {
  const choice = /choose of those that are mounted, v2, .*name=tasktrail-test/;
  assert.ok(hierarchy());
  assert.throws(() => openEbpfSource({ mirror: ['v3'] }), /this machine has no cgroup hierarchy v3: /);
  assert.throws(() => openEbpfSource({ mirror: ['v2', 'name=none'] }), choice);
});

test.run();
