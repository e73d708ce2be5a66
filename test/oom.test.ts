/**
 * A process that is killed because the memory of its group ran out: the log of a daemon that mirrors the memory
 * controller tells who it was, where it was, and who had put it there.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventType } from '../events/event.ts';
import { entryLine } from '../src/cli/format/entry.ts';
import type { Entry } from '../src/engine/history.ts';
import { isRefusal } from '../src/kernel/errno.ts';
import { Recording } from '../tools/recording.ts';
import { makeGroup, removeGroup } from './sources/groups.ts';
import { limitedMemory, testNeeding } from './support/needs.ts';

const limitBytes = 16 * 2 ** 20;
const wantedBytes = 8 * limitBytes;

testNeeding(
  test,
  ['root', 'ebpf', 'memory'],
  'the log tells who was killed for want of memory, and who put it there',
  async () => {
    const { name, root, file } = limitedMemory() ?? fail();
    const group = makeGroup(root);
    const path = `/${basename(group)}`;
    try {
      writeFileSync(`${group}/${file}`, String(limitBytes));
      const recording = await Recording.start({ mirror: [name] });
      try {
        const victim = spawn('sh', [
          '-c',
          `read -r go && exec dd if=/dev/zero of=/dev/null bs=${wantedBytes} count=1`,
        ]);
        const mover = spawnSync('sh', ['-c', `echo ${victim.pid} > ${group}/cgroup.procs`]);
        victim.stdin.end('go\n');
        await once(victim, 'close');
        assert.is(victim.signalCode, 'SIGKILL');

        const entries: Entry[] = [];
        for await (const entry of recording.reader.log({ pid: Number(victim.pid), tree: name }))
          entries.push(entry);
        const move = theOne(entries, 'attach');
        assert.equal([move.tree, move.path, move.by?.pid, move.by?.comm], [name, path, mover.pid, 'sh']);
        // Its pid may be used again by then, and may have been before.
        const since = entries.filter(({ seq }) => seq > move.seq);
        const kill = theOne(since, 'oom');
        assert.ok(
          entryLine(kill).includes(`${victim.pid} dd  in ${name}:${path}  is to be killed: out of memory`),
          entryLine(kill),
        );
        const end = since.find(({ type }) => type === 'exit') ?? fail();
        assert.equal([end.path, end.signal], [path, constants.signals.SIGKILL]);
        assert.ok(Number(end.peakBytes) > limitBytes / 2, `it had ${end.peakBytes} bytes`);
        assert.ok(kill.seq < end.seq);
        const containers = await recording.reader.ask({ kind: 'tree', path, tree: name });
        assert.is(isRefusal(containers) ? containers.saw : containers[0]?.usage.ooms, 1);
      } finally {
        await recording.stop(async () => {});
      }
    } finally {
      removeGroup(group);
    }
  },
);

test.run();

function theOne(entries: readonly Entry[], type: EventType): Entry {
  const found = entries.filter((entry) => entry.type === type);
  assert.is(found.length, 1, `there are ${found.length} events of type ${type}`);
  return found[0] ?? fail();
}

function fail(): never {
  throw new Error('impossible state: the test would not run');
}
