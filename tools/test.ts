/**
 * Runs every test file with uvu, each in a process of its own, and ends with one line that counts: what
 * passed, failed, and was skipped. Arguments narrow it to files whose path holds one of them.
 *
 * First come those that hold everything that the machine does against each other, one after the other and alone. Then
 * two files run at once: of those that change the machine or watch all of it, and would see each other's doing, never
 * more than one at a time, beside those of single rooms.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';

const wanted = process.argv.slice(2);
const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();

const ofMachine =
  /^(?:sources\/|cli\/|system\/|fs\/mountHelper|(?:cgroups|layouts|managers|readme|reboot|unsound)\.)/;
const alone = /^(?:churn|crash|drain|lesser|oom|oracle|races|restart|soak|storm)\./;
const count = { passed: 0, failed: 0, skipped: 0 };

await runAll(files.filter((file) => alone.test(file)));
const others = files.filter((file) => !alone.test(file));
const ofRooms = others.filter((file) => !ofMachine.test(file));
await Promise.all([
  runAll(others.filter((file) => ofMachine.test(file))).then(() => runAll(ofRooms)),
  runAll(ofRooms),
]);
console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1;

/** Takes one file after the other, until nobody has left any. */
async function runAll(left: string[]): Promise<void> {
  for (let file = left.shift(); file !== undefined; file = left.shift()) await runFile(file);
}

/** What it says is printed when it has ended, in one piece. */
async function runFile(file: string): Promise<void> {
  const run = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), `test/${file}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [run.stdout, run.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code, signal] = (await once(run, 'close')) as [number | null, NodeJS.Signals | null];
  console.log(`\n# ${file}\n${output.trimEnd()}`);
  const total = numberAfter(output, 'Total');
  const passed = numberAfter(output, 'Passed');
  count.passed += passed;
  count.skipped += numberAfter(output, 'Skipped');
  count.failed += total - passed;
  // A file that ends badly without a failed test crashed, or never ran one.
  if (code !== 0 && total === passed) {
    console.log(`FAIL ${file} ended with ${signal ?? `exit code ${code}`}`);
    count.failed += 1;
  }
}

/** uvu's own summary, `  Passed:    12`, with or without colours; a file may hold several suites' sums. */
function numberAfter(output: string, label: string): number {
  const pattern = new RegExp(`${label}:\\s+(?:\\x1b\\[\\d+m)*(\\d+)`, 'g');
  return [...output.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0);
}
