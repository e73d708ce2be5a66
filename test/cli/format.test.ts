/**
 * Formats on literal inputs: what a person sees of trees, tasks, entries, states and numbers.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { counted, duration, rate, size } from '../../src/cli/format/count.ts';
import { entryLine, signalName } from '../../src/cli/format/entry.ts';
import { nameText, placeText } from '../../src/cli/format/name.ts';
import { paintOf } from '../../src/cli/format/paint.ts';
import { statusLines } from '../../src/cli/format/status.ts';
import { byContainer, processesOf, processTable, threadTable } from '../../src/cli/format/tasks.ts';
import { localTime } from '../../src/cli/format/time.ts';
import { activityOf, drawTree, drawTrees } from '../../src/cli/format/tree.ts';
import { verificationLines } from '../../src/cli/verify.ts';
import type { Entry } from '../../src/engine/history.ts';
import type { ContainerView, RecordingView, TaskView } from '../../src/engine/reads.ts';

const format = suite('formats');

format.before(() => {
  process.env.TZ = 'Asia/Kolkata';
});

const nothing = { forks: 0, exits: 0, attaches: 0 };

function container(path: string, change: Partial<ContainerView> = {}): ContainerView {
  return {
    tree: 'tasktrail',
    path,
    tasks: 0,
    populated: false,
    notifyOnRelease: false,
    mode: '0755',
    uid: 0,
    gid: 0,
    total: nothing,
    perSecond: nothing,
    usage: { cpuUs: 0, peakBytes: 0, ooms: 0 },
    ...change,
  };
}

format('a tree is drawn with strokes, counts, flags, owners and what happens', () => {
  const views = [
    container('/', { tasks: 1312 }),
    container('/Charlie', {
      tasks: 1,
      notifyOnRelease: true,
      perSecond: { ...nothing, forks: 3.25, exits: 12.4 },
    }),
    container('/Charlie/a'),
    container('/Charlie/a/deep'),
    container('/Charlie/b', { uid: 1000 }),
    container('/Delta', { tasks: 2 }),
    container('/Delta/last'),
  ];
  assert.equal(drawTree(views, { ownerOf: (uid) => `user${uid}` }), [
    '/              1,312 tasks',
    '├─ Charlie         1 task   notify  3.3 forks/s, 12 exits/s',
    '│  ├─ a            0 tasks',
    '│  │  └─ deep      0 tasks',
    '│  └─ b            0 tasks  owner user1000',
    '└─ Delta           2 tasks',
    '   └─ last         0 tasks',
  ]);
});

format('a part of the tree is headed by its whole path', () => {
  const views = [container('/Charlie/a'), container('/Charlie/a/deep')];
  assert.equal(drawTree(views, { ownerOf: String }), ['/Charlie/a  0 tasks', '└─ deep     0 tasks']);
});

format('a tree as deep as a path can be is drawn', () => {
  const views: ContainerView[] = [container('/')];
  for (let path = '/x'; views.length < 2048; path += '/x') views.push(container(path));
  assert.is(drawTree(views, { ownerOf: String }).length, 2048);
});

const id = '1f3a5c7e9b0d2f4a6c8e0b1d3f5a7c9e1b3d5f7a9c0e2b4d6f8a1c3e5b7d9f0a';
const docker = { name: `docker/${id}`, kind: 'container' } as const;

format('trees stand side by side, each under its name', () => {
  const v2 = { tree: 'v2' };
  const views = [
    container('/', { tasks: 3 }),
    container('/Charlie', { tasks: 1 }),
    container('/', { ...v2, tasks: 2 }),
    container('/system.slice', { ...v2, name: 'system.slice', kind: 'slice' }),
    container('/system.slice/x\\x5cx2dy.service', { ...v2, tasks: 2, name: 'x-y.service', kind: 'unit' }),
    container(`/system.slice/${id}`, { ...v2, ...docker, called: 'web' }),
  ];
  assert.equal(drawTrees(views, { ownerOf: String }), [
    'tasktrail',
    '/           3 tasks',
    '└─ Charlie  1 task',
    '',
    'v2',
    '/                                                 2 tasks',
    '└─ system.slice                                   0 tasks',
    '   ├─ x\\x2dy.service  x-y.service                 2 tasks',
    `   └─ ${id}  docker/1f3a5c7e9b0d web  0 tasks`,
  ]);
  assert.equal(drawTrees(views.slice(0, 2), { ownerOf: String }), [
    '/           3 tasks',
    '└─ Charlie  1 task',
  ]);
  assert.equal(drawTrees(views.slice(2, 3), { ownerOf: String }), ['v2', '/  2 tasks']);
});

format('what ended tasks had used is told where it is asked for', () => {
  const views = [
    container('/', { usage: { cpuUs: 1_500_000, peakBytes: 2 ** 20, ooms: 1 } }),
    container('/a', { usage: { cpuUs: 800, peakBytes: 0, ooms: 0 } }),
    container('/b'),
  ];
  assert.equal(drawTree(views, { ownerOf: String, usage: true }), [
    '/     0 tasks  1.5 s CPU, peak 1.0 MiB, 1 killed for memory',
    '├─ a  0 tasks  1 ms CPU',
    '└─ b  0 tasks',
  ]);
  assert.is(drawTree(views, { ownerOf: String })[0], '/     0 tasks');
});

format('names are told with short ids, and not where a directory says them', () => {
  assert.is(nameText({ ...docker, called: 'web' }), 'docker/1f3a5c7e9b0d web');
  assert.is(nameText({ name: 'nginx.service' }, 'nginx.service'), '');
  const escaped = 'serial\\x5cx2dgetty.slice';
  assert.is(nameText({ name: escaped }, escaped), 'serial\\x2dgetty.slice');
  assert.is(nameText({}), '');
  assert.is(placeText({ tree: 'memory', path: '/tight' }), 'memory:/tight');
  assert.is(placeText({ tree: 'v2', path: '/a/b', ...docker }), 'docker/1f3a5c7e9b0d');
});

format('activity names only what happens', () => {
  assert.is(activityOf(nothing), '');
  assert.is(activityOf({ forks: 0.1, exits: 0, attaches: 2345.6 }), '0.1 forks/s, 2,346 attaches/s');
});

function task(pid: number, tgid: number, comm: string, program = ''): TaskView {
  const place = { tree: 'tasktrail', path: '/', certainty: 'known' } as const;
  return { ...place, pid, tgid, comm, program, uid: 1000, task: pid };
}

const threads = [
  task(900, 800, 'worker'),
  task(4711, 4711, 'java', '/usr/bin/java'),
  task(4712, 4711, 'GC thread'),
  task(11, 11, 'sleep', '/usr/bin/sleep'),
];

format('tasks are grouped by their process, which is spoken of by its leader', () => {
  assert.equal(processTable(processesOf(threads)), [
    ' PID   UID  THREADS  COMM    PROGRAM',
    '  11  1000        1  sleep   /usr/bin/sleep',
    ' 800  1000        1  worker  (its first thread is elsewhere)',
    '4711  1000        2  java    /usr/bin/java',
  ]);
  assert.equal(processesOf(threads)[2]?.threads, [4711, 4712]);
});

format('threads are listed under their process', () => {
  assert.equal(threadTable(threads), [
    ' PID  THREAD   UID  COMM       PROGRAM',
    '  11      11  1000  sleep      /usr/bin/sleep',
    ' 800     900  1000  worker',
    '4711    4711  1000  java       /usr/bin/java',
    '4711    4712  1000  GC thread',
  ]);
});

format('tasks of several containers are listed under each', () => {
  const here = { ...task(7, 7, 'a') };
  const there = { ...task(7, 7, 'a'), tree: 'v2', path: '/system.slice' };
  const views = processesOf([here, there]);
  assert.equal(
    views.map(({ tree, path, pid }) => [tree, path, pid]),
    [
      ['tasktrail', '/', 7],
      ['v2', '/system.slice', 7],
    ],
  );
  assert.equal(byContainer(views, processTable), [
    '/',
    'PID   UID  THREADS  COMM  PROGRAM',
    '  7  1000        1  a',
    '',
    'v2:/system.slice',
    'PID   UID  THREADS  COMM  PROGRAM',
    '  7  1000        1  a',
  ]);
  assert.equal(byContainer([], processTable), ['PID  UID  THREADS  COMM  PROGRAM']);
});

format('times are local, to the millisecond', () => {
  assert.is(localTime('2026-11-24T23:12:00.123456Z'), '2026-11-25 04:42:00.123');
});

const by = { task: 7, pid: 4700, uid: 0, gid: 0, comm: 'bash' };

/** The line of an entry without its time and seq. */
function said(entry: Partial<Entry> & Pick<Entry, 'type'>): string {
  const line = entryLine({ seq: 12, time: '2026-11-24T00:00:00.000000Z', ...entry } as Entry);
  return line.slice('2026-11-24 05:30:00.000        12  '.length);
}

format('an entry is one line: time, seq, type, and what happened', () => {
  const entry = { seq: 1234, time: '2026-11-24T00:00:00.001999Z', type: 'rmdir', path: '/a', by } as const;
  assert.is(entryLine(entry), '2026-11-24 05:30:00.001      1234  rmdir       /a  by 4700 bash (uid 0)');
});

format('what happens to tasks is told with pids, names and places', () => {
  const where = { path: '/Charlie', pid: 4711, tgid: 4711, comm: 'sleep' };
  assert.is(said({ type: 'fork', ...where }), 'fork        4711 sleep  in /Charlie');
  assert.is(
    said({ type: 'fork', ...where, parentPid: 4710 }),
    'fork        4711 sleep  in /Charlie  forked by 4710',
  );
  assert.is(
    said({ type: 'fork', ...where, tgid: 4700, parentPid: 4700 }),
    'fork        4711 sleep  in /Charlie  thread of 4700',
  );
  assert.is(
    said({ type: 'exec', ...where, program: '/bin/sleep' }),
    'exec        4711 sleep  in /Charlie  /bin/sleep',
  );
  assert.is(
    said({ type: 'exit', ...where, code: 3, signal: 0, certainty: 'known' }),
    'exit        4711 sleep  in /Charlie  exit 3',
  );
  assert.is(
    said({ type: 'exit', ...where, code: 0, signal: 9, certainty: 'known' }),
    'exit        4711 sleep  in /Charlie  signal 9 SIGKILL',
  );
  assert.is(
    said({ type: 'exit', ...where, code: 0, signal: 0, certainty: 'inferred' }),
    'exit        4711 sleep  in /Charlie  how it ended is not known  (inferred)',
  );
  assert.is(
    said({ type: 'attach', ...where, from: '/', certainty: 'known', by }),
    'attach      4711 sleep  / → /Charlie  by 4700 bash (uid 0)',
  );
});

const inDocker = { tree: 'v2', path: `/docker/${id}`, ...docker, called: 'web' };

format('what happens in a mirrored tree is told with the tree and with names', () => {
  const { tree, path } = inDocker;
  const mkdir = { type: 'mkdir', tree, path, places: [inDocker], notify: false } as const;
  assert.is(
    said({ ...mkdir, by }),
    `mkdir       v2:/docker/${id} (docker/1f3a5c7e9b0d web)  by 4700 bash (uid 0)`,
  );
  assert.is(
    said({ ...mkdir, path: '/a', places: [{ tree, path: '/a' }], by: { ...by, pid: 0 } }),
    'mkdir       v2:/a  seen by a later look at the machine',
  );
  const unit = { tree, path: '/system.slice/x.service', name: 'x.service', kind: 'unit' } as const;
  const inUnit = { tree, path: unit.path, places: [unit] } as const;
  const noOne = { task: 0, pid: 0, uid: 0, gid: 0, comm: '' };
  assert.is(said({ type: 'empty', ...inUnit }), 'empty       v2:/system.slice/x.service  has no task left');
  assert.is(
    said({ type: 'populated', ...inUnit }),
    'populated   v2:/system.slice/x.service  has its first task',
  );
  assert.is(
    said({ type: 'name', ...inUnit, name: 'web' }),
    'name        v2:/system.slice/x.service  is called web',
  );
  assert.is(
    said({ type: 'attach', ...inUnit, pid: 7, tgid: 7, comm: 'sh', certainty: 'inferred', by: noOne }),
    'attach      7 sh  is in v2:/system.slice/x.service  (inferred)  seen by a later look at the machine',
  );
  assert.is(
    said({ type: 'attach', ...inUnit, from: '/', pid: 7, tgid: 7, comm: 'sh', certainty: 'known', by }),
    'attach      7 sh  v2:/ → /system.slice/x.service  by 4700 bash (uid 0)',
  );
  assert.is(
    said({ type: 'rename', tree: 'memory', from: '/a', path: '/b', by }),
    'rename      memory:/a → /b  by 4700 bash (uid 0)',
  );
});

format('a tree is told with what it mirrors, and when it goes', () => {
  assert.is(said({ type: 'tree', path: '/', name: 'tasktrail', mountPoint: '' }), 'tree        tasktrail');
  assert.is(
    said({ type: 'tree', tree: 'v2', path: '/', name: 'v2', mountPoint: '/sys/fs/cgroup' }),
    'tree        v2  mirrors /sys/fs/cgroup',
  );
  assert.is(said({ type: 'untree', tree: 'v2', path: '/' }), 'untree      v2  is mirrored no longer');
});

format('a task is told with every place that is not a root', () => {
  const sleep = { type: 'fork', pid: 7, tgid: 7, comm: 'sleep' } as const;
  const root = { tree: 'v2', path: '/' };
  const tight = { tree: 'memory', path: '/tight' };
  const told = (entry: Partial<Entry>) => said({ ...sleep, ...entry }).replace('fork        7 sleep  ', '');
  assert.is(told({ path: '/', places: [root] }), 'in /');
  assert.is(told({ path: '/Charlie', places: [root] }), 'in /Charlie');
  assert.is(told({ path: '/', places: [inDocker, tight] }), 'in docker/1f3a5c7e9b0d web, memory:/tight');
  assert.is(told({ path: '/Charlie', places: [inDocker] }), 'in /Charlie, docker/1f3a5c7e9b0d web');
  assert.is(
    told({ path: '/', places: [inDocker, { ...inDocker, tree: 'cpu' }] }),
    'in docker/1f3a5c7e9b0d web',
  );
  assert.is(told({ tree: 'memory', path: '/tight', places: [tight] }), 'in memory:/tight');
  assert.is(told({ tree: 'v2', path: '/', places: [root] }), 'in /');
  assert.is(
    told({ path: '/', places: [tight], into: [tight] }),
    'in memory:/tight  born there, not where its parent was told to be',
  );
  assert.is(
    said({ ...sleep, type: 'oom', path: '/', places: [root, tight] }),
    'oom         7 sleep  in memory:/tight  is to be killed: out of memory',
  );
});

format('who gave a command is told as far as it is known', () => {
  const mkdir = { type: 'mkdir', path: '/a', notify: false } as const;
  assert.is(said({ ...mkdir, by: { ...by, comm: '' } }), 'mkdir       /a  by 4700 (uid 0)');
  assert.is(said({ ...mkdir, by: { ...by, pid: 0 } }), 'mkdir       /a  by uid 0');
});

format('a release is told with its cause, its agent and the outcome', () => {
  const path = '/Charlie';
  assert.is(said({ type: 'release', path, cause: 'exit' }), 'release     /Charlie  its last task exited');
  assert.is(
    said({ type: 'release', path, cause: 'exit', pid: 4711, comm: 'sleep' }),
    'release     /Charlie  last task 4711 sleep exited',
  );
  assert.is(
    said({ type: 'release', path, cause: 'rmdir' }),
    'release     /Charlie  its last child was removed',
  );
  assert.is(
    said({ type: 'agent', path, attempt: 1, program: '/sbin/agent' }),
    'agent       /Charlie  attempt 1  /sbin/agent',
  );
  const outcome = { type: 'outcome', path, attempt: 1, code: 0, signal: 0, error: '' } as const;
  assert.is(said(outcome), 'outcome     /Charlie  attempt 1  exit 0');
  assert.is(
    said({ ...outcome, error: 'ENOENT' }),
    'outcome     /Charlie  attempt 1  could not be started: ENOENT',
  );
});

format('a refusal is told with what was tried, by whom, and what stood in its way', () => {
  assert.is(
    said({ type: 'refused', command: 'rmdir', path: '/a', errno: 'EBUSY', saw: '2 tasks are in it', by }),
    'refused     rmdir /a  EBUSY: 2 tasks are in it  by 4700 bash (uid 0)',
  );
});

format('a gap is told with its reason and its beginning', () => {
  const sinceUs = Date.UTC(2026, 10, 24) * 1000;
  assert.is(
    said({ type: 'gap', reason: 'overflow', lost: 1, sinceUs, detail: '' }),
    'gap         1 observation lost  since 2026-11-24 05:30:00.000',
  );
  assert.is(
    said({ type: 'gap', reason: 'stopped', lost: 0, sinceUs, detail: '' }),
    'gap         nothing was recorded  since 2026-11-24 05:30:00.000',
  );
});

format('signals have their names, real-time signals by their distance', () => {
  assert.equal([6, 9, 29, 34, 40].map(signalName), ['SIGABRT', 'SIGKILL', 'SIGIO', 'SIGRTMIN', 'SIGRTMIN+6']);
});

format('a line has colour codes only where it may', () => {
  const entry: Entry = { seq: 1, time: '2026-11-24T00:00:00.000000Z', type: 'stop' };
  assert.not.match(entryLine(entry), /\x1b/);
  assert.match(entryLine(entry, paintOf(true)), /\x1b\[2m/);
});

const recording: RecordingView = {
  recording: 'V1StGXR8',
  version: '0.1.0',
  source: 'ebpf',
  blind: '',
  bootId: 'b',
  started: '2026-11-24T00:00:00.000000Z',
  seq: 123456,
  time: '2026-11-24T01:00:00.500000Z',
  tasks: 312,
  containers: 215,
  trees: [
    { tree: 'tasktrail', mountPoint: '', containers: 1 },
    { tree: 'v2', mountPoint: '/sys/fs/cgroup', containers: 214 },
  ],
  gaps: 0,
  stalls: 0,
  longestStallMs: 0,
  lost: 0,
  releaseAgent: '/sbin/agent',
  releases: { releases: 0, attempts: 0, succeeded: 0, failed: 0, stale: 0 },
  waiting: 0,
  agents: [],
};

const agent = {
  release: 7,
  path: '/Charlie',
  attempt: 1,
  since: '2026-11-24T00:59:59.000000Z',
  runningMs: 1500,
};

format('the state of a recording without a daemon is a short table', () => {
  assert.equal(statusLines({ ...recording, folder: '/var/lib/tasktrail', sizeBytes: 1536 }), [
    'recording  V1StGXR8, begun by tasktrail 0.1.0',
    'folder     /var/lib/tasktrail, 1.5 KiB',
    'daemon     none runs',
    'source     ebpf',
    'from       2026-11-24 05:30:00',
    'to         2026-11-24 06:30:00',
    'events     123,456',
    'tasks      312',
    'trees      tasktrail, 1 container',
    '           v2, 214 containers, mirrors /sys/fs/cgroup',
    'gaps       none',
    'stalls     none',
    'releases   none',
    'agent      /sbin/agent',
  ]);
});

format('what is kept is on the screen, and what holds that up', () => {
  const retention = {
    ageMs: 28 * 86_400_000,
    sizeBytes: 3 * 2 ** 30,
    sizeShare: 0.1,
    freeBytes: 2 ** 32,
    isHeld: true,
  };
  const keptFrom = { seq: 1025, time: '2026-11-24T00:30:00.000000Z' };
  const lines = statusLines({ ...recording, retention, keptFrom });
  const at = lines.findIndex((line) => line.startsWith('kept'));
  assert.equal(lines.slice(at, at + 3), [
    'kept       from 2026-11-24 06:00:00 on, event #1,025',
    '           28 days, at most 3.0 GiB (10% of the filesystem), with 4.0 GiB left free',
    '           a release that is not settled keeps more for a while',
  ]);
  assert.ok(statusLines({ ...recording, retention: { isHeld: false } }).includes('kept       everything'));
});

format('gaps, releases and agents that run are on the screen', () => {
  const lines = statusLines({
    ...recording,
    daemonPid: 42,
    gaps: 2,
    lost: 130,
    stalls: 3,
    longestStallMs: 1480,
    releases: { releases: 3, attempts: 2, succeeded: 1, failed: 1, stale: 0 },
    waiting: 1,
    agents: [
      { ...agent, path: '/a', runningMs: 260_000, pid: 70, executed: true, stuck: true },
      { ...agent, path: '/b', runningMs: 20_000, pid: 0, executed: false, stuck: true },
      { ...agent, path: '/Charlie', pid: 71, executed: true, stuck: false },
    ],
  });
  assert.ok(lines.includes('daemon     pid 42'));
  const unsealed = statusLines({ ...recording, unsealed: 'seq 9 is missing' });
  assert.ok(
    unsealed.includes('sealing    NONE until the next start, nothing else is lost: seq 9 is missing'),
  );
  assert.ok(lines.includes('gaps       2, 130 observations known to be lost in them'));
  assert.ok(lines.includes('stalls     3, the longest 1.5 s'));
  assert.ok(lines.includes('releases   3, 2 attempts to run the agent, 1 succeeded, 1 failed, 1 waiting'));
  assert.equal(lines.slice(-3), [
    'stuck      for /a, attempt 1, since 4 min 20 s, pid 70',
    'stuck      for /b, attempt 1, since 20.0 s, its program cannot be read so far',
    'running    for /Charlie, attempt 1, since 1.5 s, pid 71',
  ]);
});

format('where no daemon runs, agents that had not ended are unfinished, and many are counted', () => {
  const lines = statusLines({ ...recording, agents: Array.from({ length: 200 }, () => agent) });
  assert.equal(lines.slice(-2), [
    'unfinished  for /Charlie, attempt 1, begun 2026-11-24 06:29:59',
    '            and 190 more of them',
  ]);
});

format('a check of the log says from where on it is not to be trusted', () => {
  const sound = { firstSeq: 1, events: 10, commits: 3, seq: 10, hash: 'ab', source: 'ebpf' };
  assert.equal(verificationLines(sound), ['sound: 10 events in 3 commits', 'the chain ends at seq 10 in ab']);
  assert.is(
    verificationLines({ ...sound, unsound: { seq: 11, why: 'the hash differs' } })[0],
    'not sound from seq 11 on: the hash differs',
  );
  const unread = { ...sound, events: 0, commits: 0, seq: 0, unsound: { seq: 11, why: 'a file is damaged' } };
  assert.equal(verificationLines(unread), ['not sound from seq 11 on: a file is damaged']);
  const flaw = { kind: 'snapshot', seq: 8, why: 'it is damaged', misleads: false } as const;
  assert.equal(verificationLines({ ...sound, flaws: [flaw] }).slice(2), [
    'not usable: the snapshot behind #8: it is damaged',
    'no answer is wrong because of that, some take longer: all of it is made again by `export` and `import`',
  ]);
  const page = { kind: 'index', seq: 1, why: 'page 0 is another', misleads: true } as const;
  assert.equal(verificationLines({ ...sound, flaws: [flaw, page] }).slice(3), [
    'WRONG: the index from #1 on: page 0 is another',
    'answers may be wrong that rest on what is wrong here: all of it is made again by `export` and `import`',
  ]);
});

format('numbers are grouped, and sizes and times have units that fit', () => {
  assert.equal([counted(1, 'task'), counted(1234, 'task')], ['1 task', '1,234 tasks']);
  assert.equal([rate(0.1), rate(9.94), rate(9.96), rate(1234.5)], ['0.1', '9.9', '10', '1,235']);
  assert.equal([size(1), size(1023), size(5 * 2 ** 30)], ['1 byte', '1,023 bytes', '5.0 GiB']);
  assert.equal([duration(12.4), duration(1500), duration(61_000)], ['12 ms', '1.5 s', '1 min 1 s']);
});

format.run();
