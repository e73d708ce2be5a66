/**
 * Runs every test file with uvu, each in a process of its own, and ends with one line that counts: what
 * passed, failed, and was skipped. Arguments narrow it to files whose path holds one of them.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const wanted = process.argv.slice(2);
const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();

const count = { passed: 0, failed: 0, skipped: 0 };
for (const file of files) {
  console.log(`\n# ${file}`);
  const run = spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), `test/${file}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  });
  process.stdout.write(run.stdout);
  const total = numberAfter(run.stdout, 'Total');
  const passed = numberAfter(run.stdout, 'Passed');
  count.passed += passed;
  count.skipped += numberAfter(run.stdout, 'Skipped');
  count.failed += total - passed;
  // A file that ends badly without a failed test crashed, or never ran one.
  if (run.status !== 0 && total === passed) {
    console.log(`FAIL ${file} ended with ${run.signal ?? `exit code ${run.status}`}`);
    count.failed += 1;
  }
}

console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1;

/** uvu's own summary, `  Passed:    12`, with or without colours; a file may hold several suites' sums. */
function numberAfter(output: string, label: string): number {
  const pattern = new RegExp(`${label}:\\s+(?:\\x1b\\[\\d+m)*(\\d+)`, 'g');
  return [...output.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0);
}
