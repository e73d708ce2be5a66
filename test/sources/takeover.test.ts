/**
 * A thread takes over its leader's pid while that leader is being moved: what is told of moves is of the one who was
 * moved. On Linux 6.18 the kernel looks up whom it moves before it waits for an exec that gives its pid away.
 */
import { execFile } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Observation } from '../../src/ports.ts';
import { openEbpfSource } from '../../src/sources/ebpf/source.ts';
import { ChurnHierarchies } from '../../tools/churn/hierarchies.ts';
import { compile } from '../../tools/programs.ts';
import { testNeeding } from '../support/needs.ts';

const needs = ['root', 'ebpf', 'cc', 'v1', 'v2'] as const;
/** Without care, six in ten of these tell of a move that was none. */
const processes = 200;
const drainDelayMs = 5;

testNeeding(
  test,
  needs,
  'a leader who has lost its pid to a thread is not moved, and neither is that thread',
  async () => {
    const hierarchies = await ChurnHierarchies.open();
    const [group] = hierarchies.makeGroups('takeover');
    const source = openEbpfSource({ mirror: hierarchies.names.slice(0, 1) });
    try {
      const seen: Observation[] = [];
      const drain = () => source.drain((observation) => seen.push(observation));
      const timer = setInterval(drain, drainDelayMs);
      await run(compile('takeover'), [String(processes), `${group}/tasks`]);
      clearInterval(timer);
      drain();
      const takeovers = seen.filter((one) => one.type === 'exec' && one.pid !== one.oldPid);
      assert.ok(takeovers.length >= processes / 2, `only ${takeovers.length} threads took over`);
      const moves = seen.flatMap((one) => (one.type === 'moved' ? [one] : []));
      assert.ok(moves.length > processes);
      // Only pids of leaders were ever written.
      assert.equal(
        moves.filter(({ pid, tgid }) => pid !== tgid),
        [],
      );
    } finally {
      source.close();
      await hierarchies.remove();
    }
  },
);

test.run();

function run(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(program, args, (error) => (error ? reject(error) : resolve()));
  });
}
