/**
 * The command line from the outside: what each command asks the daemon, what it prints where, and with which code
 * it ends.
 */
import { rmSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runProgram } from '../../src/cli/program.ts';
import { readVersion } from '../../src/cli/version.ts';
import { type Answer, type Asked, emptyFolder, openFakeDaemon } from '../http/fakeDaemon.ts';
import { fakeTerminal } from './fakeTerminal.ts';

const program = suite('command line');

interface Outcome {
  readonly code: number;
  readonly printed: readonly string[];
  readonly told: readonly string[];
  readonly asked: readonly Asked[];
}

/** Runs a command line, split at spaces, against a daemon that gives these answers. */
async function tasktrail(line: string, answers: Readonly<Record<string, Answer>> = {}): Promise<Outcome> {
  const daemon = await openFakeDaemon({ 'GET /v1/status': [200, { source: 'ebpf' }], ...answers });
  const terminal = fakeTerminal();
  try {
    const args = line.split(' ').filter((word) => word !== '');
    const code = await runProgram(args, terminal, { TASKTRAIL_DATA: daemon.folder });
    return { code, printed: terminal.printed, told: terminal.told, asked: daemon.asked };
  } finally {
    await daemon.close();
  }
}

const done: Answer = [200, { seq: 12 }];
/** Every command first asks whether there is a daemon, and what it records; once. */
const statusAsked: Asked = { question: 'GET /v1/status', body: undefined };

program('a command that changes something asks for it, prints nothing and ends with 0', async () => {
  const umask = process.umask();
  const cases: readonly [string, string, unknown][] = [
    ['mkdir /a', 'mkdir', { path: '/a', mode: 0o777, umask }],
    ['rmdir /a', 'rmdir', { path: '/a' }],
    ['mv /a /b', 'rename', { from: '/a', to: '/b' }],
    ['attach /a 12', 'attach', { path: '/a', pid: 12, thread: false }],
    ['attach --thread /a 12', 'attach', { path: '/a', pid: 12, thread: true }],
    ['set /a notify_on_release 1', 'write', { path: '/a', file: 'notify_on_release', text: '1' }],
    ['set / release_agent /sbin/a', 'write', { path: '/', file: 'release_agent', text: '/sbin/a' }],
    ['delegate /a root', 'delegate', { path: '/a', uid: 0, gid: 0 }],
    ['delegate /a 12:34', 'delegate', { path: '/a', uid: 12, gid: 34 }],
  ];
  for (const [line, name, body] of cases) {
    const { code, printed, told, asked } = await tasktrail(line, { [`POST /v1/${name}`]: done });
    assert.equal(asked, [statusAsked, { question: `POST /v1/${name}`, body }], line);
    assert.equal([code, printed, told], [0, [], []], line);
  }
});

program('with --json, before or after the command, a command prints where in the log it stands', async () => {
  for (const line of ['--json mkdir /a', 'mkdir /a --json']) {
    assert.equal((await tasktrail(line, { 'POST /v1/mkdir': done })).printed, ['{"seq":12}']);
  }
});

program('a refusal is one line on standard error and ends with 1', async () => {
  const error = 'EBUSY (in use): 2 tasks are in it';
  const answer: Answer = [409, { errno: 'EBUSY', saw: '2 tasks are in it', error }];
  const { code, printed, told } = await tasktrail('rmdir /a', { 'POST /v1/rmdir': answer });
  assert.equal(told, ['tasktrail: rmdir /a: EBUSY (in use): 2 tasks are in it']);
  assert.equal([code, printed], [1, []]);
});

program('a backslash is shown as it was typed, and stays in its text form for programs', async () => {
  const path = '/x\\x5cx2dy.service';
  const answer: Answer = [200, { path: '/', trees: [{ tree: 'v2', path }], certainty: 'known' }];
  const answers = { 'GET /v1/path': answer };
  assert.equal((await tasktrail('path 7 --tree v2', answers)).printed, ['/x\\x2dy.service']);
  assert.match((await tasktrail('path 7 --tree v2 --json', answers)).printed[0] ?? '', /x\\\\x5cx2dy/);
  const refused: Answer = [404, { errno: 'ENOENT', saw: 'no such container', error: 'ENOENT' }];
  const { told } = await tasktrail(`rmdir ${path}`, { 'POST /v1/rmdir': refused });
  assert.equal(told, ['tasktrail: rmdir /x\\x2dy.service: ENOENT (not found): no such container']);
});

program('a command line that makes no sense ends with 2, in words, and asks nobody', async () => {
  const cases: readonly [string, RegExp][] = [
    ['frobnicate', /unknown command 'frobnicate'/],
    ['mkdir', /missing required argument 'path'/],
    ['mkdir /a /b', /too many arguments/],
    ['tree --frobnicate', /unknown option '--frobnicate'/],
    ['attach /a bash', /'bash' is no pid: a pid is a whole number from 1/],
    ['attach /a -1', /'-1' is no pid/],
    ['attach /a 0', /'0' is no pid/],
    ['attach /a 2147483648', /'2147483648' is no pid/],
    ['path 0x10', /'0x10' is no pid/],
    ['set /a frozen 1', /no 'frozen' to set: there are notify_on_release and, of the root, release_agent/],
    ['set /a notify_on_release 2', /is 0 or 1, not '2'/],
    ['log --type fork,foo', /no event type 'foo': the types are recording, .*, suppressed/],
    ['log --limit many', /'many' is no limit/],
    ['log --pid x', /'x' is no pid/],
    ['log --all --type fork', /do not go together/],
    ['delegate /a 4294967295', /'4294967295' is no user: ids go up to 4294967294/],
    ['delegate /a 99999999999', /ids go up to/],
    ['delegate /a 1:5000000000', /ids go up to/],
    ['delegate /a 5000000000:1', /ids go up to/],
    ['up --source netlink', /no source 'netlink': the sources are ebpf, connector, polling, simulated/],
    ['up --source simulated --mirror v2', /--mirror and --source simulated do not go together/],
    ['up --source simulated --cmdline', /--cmdline and --source simulated do not go together/],
    ['up --redact x', /--redact goes with --cmdline/],
    ['tree --at soon', /--at 'soon' is no instant: give '2026-11-24 03:12:00'/],
    ['tasks / --at 1795489920', /write '@1795489920' or '#1795489920'/],
    ['path self --at -5min', /this process has no past: give a pid/],
    ['verify --expect 12', /--expect '12' is no head: give SEQ:HASH, as `tasktrail head` prints it/],
    ['verify --since soon', /--since 'soon' is no instant/],
    ['log --follow --until now', /--follow and --until do not go together/],
    ['up --mirror none --mirror v2', /--mirror none stands alone/],
    ['up --head-to exec:', /--head-to 'exec:' is no place for heads: give journal, a file, or exec:/],
    ['up --head-interval 5s', /--head-interval goes with --head-to/],
    ['up --head-to journal --head-interval 86401s', /at most 86400s/],
    ['up --sync-interval 5', /'5' is no interval: give one as 250ms or 2s/],
    ['up --sync-interval 61s', /at most 60s/],
    ['tree --data', /argument missing/],
  ];
  for (const [line, message] of cases) {
    const { code, printed, told, asked } = await tasktrail(line);
    assert.match(told.join('\n'), message);
    assert.match(told[0] ?? '', /^tasktrail: /);
    assert.equal([code, printed, asked], [2, [], []], line);
  }
});

program('without a command, help goes to standard error and the code is 2', async () => {
  const { code, printed, told } = await tasktrail('');
  assert.equal([code, printed], [2, []]);
  assert.match(told.join('\n'), /Usage: tasktrail/);
});

program('help that was asked for is data', async () => {
  const { code, printed, told } = await tasktrail('--help');
  assert.equal([code, told], [0, []]);
  for (const name of 'up doctor status mkdir rmdir mv attach set delegate tree tasks path log run verify head'.split(
    ' ',
  )) {
    assert.match(printed.join('\n'), new RegExp(`^  ${name} `, 'm'));
  }
  assert.match((await tasktrail('log --help')).printed.join('\n'), /--follow/);
});

program('the version is that of the package', async () => {
  assert.equal((await tasktrail('--version')).printed, [readVersion()]);
  assert.match(readVersion(), /^[0-9]+\.[0-9]+\.[0-9]+/);
});

program('an unknown user is refused before the daemon is asked', async () => {
  const { code, told, asked } = await tasktrail('delegate /a nobody-has-this-name');
  assert.match(told[0] ?? '', /no user 'nobody-has-this-name' on this machine/);
  assert.equal([code, asked], [1, []]);
});

program('a question to the daemon is one request, after the one that finds it', async () => {
  const { asked } = await tasktrail('path 7', { 'GET /v1/path': [200, { pid: 7, path: '/' }] });
  assert.equal(asked, [statusAsked, { question: 'GET /v1/path?pid=7', body: undefined }]);
});

program('what a container holds is printed as lines for people, or as lines of JSON', async () => {
  const task = { pid: 7, tgid: 7, comm: 'sleep', program: '/bin/sleep', uid: 0, task: 3 };
  const answers = { 'GET /v1/tasks': [200, [task]] } as const;
  assert.equal((await tasktrail('tasks /a', answers)).printed, [
    'PID  UID  THREADS  COMM   PROGRAM',
    '  7    0        1  sleep  /bin/sleep',
  ]);
  assert.equal(
    (await tasktrail('tasks /a --threads --json', answers)).printed.map((line) => JSON.parse(line)),
    [task],
  );
  const [grouped] = (await tasktrail('tasks /a --json', answers)).printed.map((line) => JSON.parse(line));
  assert.equal(grouped.threads, [7]);
});

program('path prints the path and nothing else', async () => {
  const answers = { 'GET /v1/path': [200, { pid: 7, path: '/Charlie' }] } as const;
  assert.equal((await tasktrail('path 7', answers)).printed, ['/Charlie']);
  const self = await tasktrail('path self', answers);
  assert.is(self.asked.at(-1)?.question, `GET /v1/path?pid=${process.pid}`);
});

program('path prints the path in one tree, or where the task is in each, when it is asked for', async () => {
  const id = '1f3a5c7e9b0d2f4a6c8e0b1d3f5a7c9e1b3d5f7a9c0e2b4d6f8a1c3e5b7d9f0a';
  const trees = [
    { tree: 'tasktrail', path: '/Charlie' },
    { tree: 'v2', path: `/docker/${id}`, name: `docker/${id}`, kind: 'container', called: 'web' },
    { tree: 'cpu,cpuacct', path: '/' },
  ];
  const answers = { 'GET /v1/path': [200, { pid: 7, path: '/Charlie', trees }] } as const;
  assert.equal((await tasktrail('path 7', answers)).printed, ['/Charlie']);
  assert.equal((await tasktrail('path 7 --tree v2', answers)).printed, [`/docker/${id}`]);
  assert.equal((await tasktrail('path 7 --tree cpuacct', answers)).printed, ['/']);
  assert.equal((await tasktrail('path 7 --tree all', answers)).printed, [
    'tasktrail    /Charlie',
    `v2           /docker/${id}  docker/1f3a5c7e9b0d web`,
    'cpu,cpuacct  /',
  ]);
  const { code, told } = await tasktrail('path 7 --tree memory', answers);
  assert.equal([code, told.length], [1, 1]);
  assert.match(
    told[0] ?? '',
    /path 7: it is not known to be in a tree memory: it is in tasktrail, v2, cpu,cpuacct/,
  );
});

program('tree and tasks ask for one tree, or what is below, when they are told so', async () => {
  const answers = { 'GET /v1/tree': [200, []], 'GET /v1/tasks': [200, []] } as const;
  const asked = async (line: string) =>
    (await tasktrail(line, answers)).asked.map(({ question }) => question);
  assert.is(
    (await asked('tree nginx.service --tree all')).at(-1),
    'GET /v1/tree?path=nginx.service&tree=all',
  );
  assert.is((await asked('tasks -r /a')).at(-1), 'GET /v1/tasks?path=%2Fa&below=1');
});

program('where all tasks are in containers below, that is said', async () => {
  const answers = {
    'GET /v1/tasks': [200, []],
    'GET /v1/tree': [200, [{ tree: 'v2', path: '/a', populated: true }]],
  } as const;
  const { code, told } = await tasktrail('tasks pod/1', answers);
  assert.equal(
    [code, told],
    [0, ['tasktrail: all of its tasks are in containers below it: --recursive lists them']],
  );
  assert.equal((await tasktrail('tasks pod/1 --recursive', answers)).told, []);
});

program('log asks for the types that are not busy, unless it is told which', async () => {
  const answers = {
    'GET /v1/status': [200, { source: 'ebpf', trees: [{ tree: 'tasktrail' }, { tree: 'v2' }] }],
    'GET /v1/log': [200, '{"seq":1,"time":"2026-11-24T00:00:00Z","type":"stop"}\n'],
  } as const;
  const search = async (line: string): Promise<URLSearchParams> => {
    const { asked, printed } = await tasktrail(line, answers);
    assert.is(printed.length, 1);
    return new URL(asked.at(-1)?.question.replace('GET ', '') ?? '', 'http://daemon').searchParams;
  };
  const usual = (await search('log')).get('types')?.split(',') ?? [];
  assert.ok(usual.includes('attach') && usual.includes('refused'));
  assert.not.ok(usual.includes('fork'));
  assert.is((await search('log --all')).get('types'), null);
  assert.is((await search('log --type fork,exec -t exit')).get('types'), 'fork,exec,exit');
  assert.is((await search('log --path nginx.service')).get('path'), 'nginx.service');
  assert.is((await search('log --tree v2')).get('tree'), 'v2');
  assert.is((await search('log')).get('tree'), null);
  const { told } = await tasktrail('log --tree cpu', answers);
  assert.equal(told, ['tasktrail: there is no tree cpu now: there are tasktrail, v2']);
  assert.ok(usual.includes('populated') && usual.includes('empty') && usual.includes('oom'));
  assert.is((await search('log --limit 3')).get('limit'), '3');
  assert.is((await search('log')).get('limit'), null);
  assert.is((await search('log --follow')).get('limit'), '10');
  assert.is((await search('log --follow --limit 0')).get('limit'), '0');
});

program('following ends with 1 when the daemon does, after everything that it said was printed', async () => {
  const line = '{"seq":1,"time":"2026-11-24T00:00:00Z","type":"stop"}\n';
  const cut: Answer = (response) => {
    response.writeHead(200);
    response.write(line, () => response.destroy());
  };
  for (const answer of [cut, [200, line] as const]) {
    const { code, printed, told } = await tasktrail('log --follow', { 'GET /v1/log': answer });
    assert.equal(
      [code, printed.length, told],
      [1, 1, ['tasktrail: the daemon stopped, and nothing follows']],
    );
  }
});

const hash = '0123456789abcdef'.repeat(4);

program('head prints the head in a form that verify takes, and verify hands it on', async () => {
  const head = { seq: 12, time: '2026-11-24T03:12:00.000000Z', hash };
  const { printed } = await tasktrail('head', { 'GET /v1/head': [200, head] });
  assert.equal(printed, [`12:${hash} 2026-11-24T03:12:00.000000Z`]);
  const [json = ''] = (await tasktrail('head --json', { 'GET /v1/head': [200, head] })).printed;
  assert.equal(JSON.parse(json), head);
  const answers = {
    'GET /v1/verify': [200, `{"seq":5}\n${JSON.stringify({ ...checked, firstSeq: 9 })}\n`],
  } as const;
  const verified = await tasktrail(`verify --expect 12:${hash} --since #9`, answers);
  assert.is(verified.asked.at(-1)?.question, `GET /v1/verify?expect=12%3A${hash}&since=%239`);
  assert.equal(verified.printed, [
    'sound: 1 event in 1 commit, from seq 9 on',
    'it has passed the head that was noted at seq 12',
    'the chain ends at seq 1 in ab',
  ]);
});

const checked = { firstSeq: 1, events: 1, commits: 1, seq: 1, hash: 'ab', source: 'ebpf' };

program('a simulated source is named beside every answer, on standard error', async () => {
  const answers = {
    'GET /v1/status': [200, { source: 'simulated' }],
    'GET /v1/tree': [200, []],
    'GET /v1/tasks': [200, []],
    'GET /v1/log': [200, ''],
    'GET /v1/verify': [200, `${JSON.stringify({ ...checked, source: 'simulated' })}\n`],
    'POST /v1/mkdir': done,
    'POST /v1/attach': done,
  } as const;
  for (const line of [
    'tree',
    'tasks /',
    'log',
    'verify',
    'mkdir /a',
    'attach /a 7',
    'run /a --create -- nope',
  ]) {
    const said = (await tasktrail(line, answers)).told.filter((told) => /the source is simulated/.test(told));
    assert.is(said.length, 1, line);
  }
});

program('a log that is not sound ends with 1', async () => {
  const result = { ...checked, unsound: { seq: 2, why: 'the hash differs' } };
  const { code, printed } = await tasktrail('verify', {
    'GET /v1/verify': [200, `${JSON.stringify(result)}\n`],
  });
  assert.is(code, 1);
  assert.match(printed[0] ?? '', /not sound from seq 2 on: the hash differs/);
});

program('run enters the container, and ends with 127 or 126 where CMD cannot be run', async () => {
  const answers = { 'POST /v1/mkdir': done, 'POST /v1/attach': done };
  const missing = await tasktrail('run /a --create -- no-such-program-anywhere --json', answers);
  assert.equal(
    missing.asked.map(({ question }) => question),
    ['GET /v1/status', 'POST /v1/mkdir', 'POST /v1/attach'],
  );
  assert.equal(missing.asked[2]?.body, { path: '/a', pid: process.pid, thread: true });
  assert.is(missing.code, 127);
  assert.match(missing.told[0] ?? '', /no-such-program-anywhere cannot be run: there is no such program/);
  assert.is((await tasktrail('run /a -- /etc/passwd', answers)).code, 126);
});

program('run goes on with a container that is there already', async () => {
  const error = 'EEXIST (exists already): the name is taken';
  const taken: Answer = [409, { errno: 'EEXIST', saw: 'the name is taken', error }];
  const answers = { 'POST /v1/mkdir': taken, 'POST /v1/attach': done };
  assert.is((await tasktrail('run /a --create -- no-such-program-anywhere', answers)).code, 127);
});

program('run ends with 125 where tasktrail itself fails, and CMD is not tried', async () => {
  const error = 'ENOENT (not found): no such container';
  const refused: Answer = [404, { errno: 'ENOENT', saw: 'no such container', error }];
  const { code, told } = await tasktrail('run /a -- true', { 'POST /v1/attach': refused });
  assert.equal([code, told], [125, ['tasktrail: run /a: ENOENT (not found): no such container']]);
  assert.is((await tasktrail('run /a')).code, 125);
  assert.is((await tasktrail('run /a ls -l')).code, 125);
  assert.is((await tasktrail('--json run --data')).code, 125);
});

program('where nobody records, a command says how to start', async () => {
  const folder = emptyFolder();
  const lines: readonly [string, RegExp][] = [
    [`mkdir /a --data ${folder}`, /no daemon records in .*: start one with `tasktrail up --data .*`/],
    [`run /a --data ${folder} -- true`, /no daemon records in/],
    [
      `tree --data ${folder}/none`,
      /there is no recording in .*none: begin one with `tasktrail up --data .*none`$/,
    ],
  ];
  for (const [line, message] of lines) {
    const terminal = fakeTerminal();
    assert.is.not(await runProgram(line.split(' '), terminal, {}), 0);
    assert.match(terminal.told.join('\n'), message);
  }
  rmSync(folder, { recursive: true });
});

program.run();
