/** Export and import from the outside: through a daemon and without one, as a whole and as lines, and killed half-way. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  createReadStream,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runProgram } from '../../src/cli/program.ts';
import { RecordingError } from '../../src/log/errors.ts';
import { framesIn } from '../../src/log/exportFile.ts';
import { openLevelLog, openLogReader, readHead } from '../../src/log/openLog.ts';
import { Scratch } from '../log/recordings.ts';
import { beginRecording, commitRandom, sealAll } from '../log/sealed.ts';
import { Daemon, withFolders } from '../support/daemon.ts';
import { type FakeTerminal, fakeTerminal } from './fakeTerminal.ts';

const exporting = suite('export and import');
const scratch = await Scratch.open();
exporting.after(() => scratch.remove());

async function tasktrail(
  folder: string,
  ...args: string[]
): Promise<FakeTerminal & { readonly code: number }> {
  const terminal = fakeTerminal();
  const code = await runProgram(args, terminal, { TASKTRAIL_DATA: folder });
  return Object.assign(terminal, { code });
}

exporting('a daemon exports while it records, and what is imported has its head', async () => {
  await withFolders(async (folder, files) => {
    const daemon = await Daemon.start(folder, {});
    try {
      const exported = await tasktrail(folder, 'export', `${files}/whole.tasktrail`, '--json');
      assert.equal([exported.code, readdirSync(files)], [0, ['whole.tasktrail']]);
      const { seq, hash, events } = JSON.parse(exported.printed[0] ?? '');
      assert.is(events, seq);
      assert.is((await tasktrail(folder, 'verify', '--expect', `${seq}:${hash}`)).code, 0);
      const piped = await tasktrail(folder, 'export', '-');
      assert.equal([piped.code, piped.printed], [0, []]);
      assert.match(
        piped.told.at(-1) ?? '',
        /^tasktrail: exported [\d,]+ events in .* up to \d+:[0-9a-f]{64} /,
      );
      assert.is(Buffer.concat(piped.written).toString('latin1', 0, 17), 'tasktrail export\n');
      const copy = `${files}/copy`;
      const imported = await tasktrail(copy, 'import', `${files}/whole.tasktrail`);
      assert.is(imported.code, 0, imported.told.join('\n'));
      const [head] = (await tasktrail(copy, 'head')).printed;
      assert.is(imported.printed[1], `its head is ${head}`);
      assert.match(head ?? '', new RegExp(`^${seq}:${hash} `));
      const { recording } = await daemon.reader.status();
      assert.match((await tasktrail(copy, 'status', '--json')).printed[0] ?? '', new RegExp(recording));
    } finally {
      await daemon.stop();
    }
  });
});

exporting(
  'lines are the entries of all trees, and as cloud events carry them with what names them',
  async () => {
    await withFolders(async (folder, files) => {
      const daemon = await Daemon.start(folder, {});
      await daemon.command('mkdir', { path: '/a', mode: 0o755, umask: 0 });
      const { recording } = await daemon.reader.status();
      await daemon.stop();
      const { printed: entries } = await tasktrail(folder, 'log', '--all', '--tree', 'all', '--json');
      assert.is((await tasktrail(folder, 'export', `${files}/lines`, '--format', 'ndjson')).code, 0);
      assert.is(readFileSync(`${files}/lines`, 'utf8'), `${entries.join('\n')}\n`);
      assert.is((await tasktrail(folder, 'export', `${files}/events`, '--format', 'cloudevents')).code, 0);
      const events = readFileSync(`${files}/events`, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.is(events.length, entries.length);
      const made = events.find(({ type }) => type === 'tasktrail.mkdir');
      const { seq, time, type: _, ...data } = JSON.parse(entries.find((line) => /"mkdir"/.test(line)) ?? '');
      assert.equal(made, {
        specversion: '1.0',
        id: String(seq),
        source: `tasktrail:${recording}`,
        type: 'tasktrail.mkdir',
        time,
        subject: '/a',
        datacontenttype: 'application/json',
        data,
      });
      const some = await tasktrail(
        folder,
        'export',
        `${files}/some`,
        '--format',
        'ndjson',
        '--since',
        '#3',
        '--until',
        '#5',
      );
      assert.is(some.code, 0);
      const seqs = readFileSync(`${files}/some`, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).seq);
      assert.equal(seqs, [3, 4, 5]);
    });
  },
);

exporting('what makes no sense is refused, and what fails leaves what was there', async () => {
  const folder = scratch.folder();
  const usage = await tasktrail(folder, 'export', `${folder}/x`, '--since', '#3');
  assert.equal([usage.code, /go with --format ndjson/.test(usage.told[0] ?? '')], [2, true]);
  assert.is((await tasktrail(folder, 'export', 'x', '--format', 'csv')).code, 2);
  const none = await tasktrail(folder, 'import', `${folder}/none`);
  assert.equal([none.code, none.told.length], [1, 1]);
  assert.match(none.told[0] ?? '', /none cannot be read: ENOENT/);
  assert.not.ok(existsSync(folder) || existsSync(`${folder}.new`));
  const file = scratch.folder();
  writeFileSync(file, 'an older export');
  const failed = await tasktrail(folder, 'export', file);
  assert.match(failed.told.join('\n'), /there is no recording in/);
  assert.equal(
    [failed.code, readFileSync(file, 'utf8'), existsSync(`${file}.new`)],
    [1, 'an older export', false],
  );
});

exporting(
  'what is there and is no file stays in its place, and a link leads to what is written',
  async () => {
    const from = await recorded(50);
    const [folder, device] = [scratch.folder(), scratch.folder()];
    mkdirSync(folder);
    execFileSync('mkfifo', [device]);
    for (const place of [folder, device]) {
      const { code, told } = await tasktrail(from, 'export', place);
      assert.equal([code, existsSync(`${place}.new`)], [1, false]);
      assert.match(told.at(-1) ?? '', /is there and is no file: give another one, or - for standard output/);
    }
    assert.ok(lstatSync(device).isFIFO());
    writeFileSync(`${folder}/file`, '');
    symlinkSync(`${folder}/file`, `${folder}/link`);
    assert.is((await tasktrail(from, 'export', `${folder}/link`)).code, 0);
    assert.equal(
      [lstatSync(`${folder}/link`).isSymbolicLink(), readdirSync(folder)],
      [true, ['file', 'link']],
    );
    assert.ok(lstatSync(`${folder}/file`).size > 1000);
  },
);

/** A folder with a recording of random events. */
async function recorded(count: number): Promise<string> {
  const folder = scratch.folder();
  const log = await openLevelLog({ folder });
  await beginRecording(log);
  await commitRandom(log, 1, count, 300);
  await sealAll(log);
  await log.close();
  return folder;
}

const halfway = fileURLToPath(new URL('./halfway.ts', import.meta.url));

/** Runs the program until it has come half-way, and kills it there. */
async function killedHalfway(args: readonly string[], input?: string): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', halfway, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (input === undefined) child.stdin.end();
  else createReadStream(input).pipe(child.stdin);
  const [said] = await once(child.stdout, 'data');
  assert.is(String(said), 'half\n');
  child.kill('SIGKILL');
  await once(child, 'close');
}

exporting('kill -9 half-way leaves nothing that looks whole, and the next attempt works', async () => {
  const from = await recorded(30_000);
  const file = scratch.folder();
  assert.is((await tasktrail(from, 'export', file)).code, 0);

  const again = scratch.folder();
  await killedHalfway(['export', again], file);
  assert.equal([existsSync(again), existsSync(`${again}.new`)], [false, true]);
  assert.match(await failureOf(all(framesIn(createReadStream(`${again}.new`)))), /cut off before its end/);
  assert.is((await tasktrail(from, 'export', again)).code, 0);
  assert.equal(readFileSync(again), readFileSync(file));
  assert.not.ok(existsSync(`${again}.new`));

  const to = scratch.folder();
  await killedHalfway(['import', file, to]);
  assert.equal([existsSync(to), existsSync(`${to}.new`)], [false, true]);
  for (const open of [openLevelLog, openLogReader, readHead]) {
    const [outcome] = await Promise.allSettled([open({ folder: `${to}.new` })]);
    assert.ok(outcome?.status === 'rejected' && outcome.reason instanceof RecordingError);
  }
  const refused = await tasktrail(to, 'import', file);
  assert.match(
    refused.told.join('\n'),
    /\.new is in the way, as an import leaves it that was killed: remove it/,
  );
  assert.ok(readdirSync(dirname(to)).length > 0);
});

async function all(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

async function failureOf(attempt: Promise<unknown>): Promise<string> {
  const [outcome] = await Promise.allSettled([attempt]);
  return outcome?.status === 'rejected' ? outcome.reason.message : 'it did not fail';
}

exporting.run();
