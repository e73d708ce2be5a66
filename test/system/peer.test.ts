/**
 * Who is at the other end of a unix socket, by the word of the kernel.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Peer, peerOf } from '../../src/system/peer.ts';
import { testNeeding } from '../support/needs.ts';

const test = suite('peer');

/** The peer that a Node process is which runs this script before it connects; and that process's pid. */
async function peerThat(script: string): Promise<{ peer: Peer; pid: number | undefined }> {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-peer-'));
  const path = join(folder, 'socket');
  const server = createServer().listen(path);
  try {
    await once(server, 'listening');
    chmodSync(folder, 0o755);
    chmodSync(path, 0o777);
    const client = spawn(
      process.execPath,
      ['-e', `${script}; require('net').connect(process.argv[1])`, path],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
    const [socket] = (await once(server, 'connection')) as [Socket];
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
    const peer = peerOf(fd);
    socket.destroy();
    await once(client, 'exit');
    return { peer, pid: client.pid };
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
}

test('the peer is the process that connected, with its user and groups', async () => {
  const { peer, pid } = await peerThat('');
  assert.is(peer.pid, pid);
  assert.is(peer.uid, process.geteuid?.());
  assert.is(peer.gid, process.getegid?.());
  // Node adds the group of the process itself.
  const own = new Set(process.getgroups?.());
  assert.equal(new Set([...peer.groups, peer.gid]), own);
});

testNeeding(test, ['root'], 'the peer is whom the kernel knows, in however many groups', async () => {
  for (const count of [0, 3, 100]) {
    const groups = Array.from({ length: count }, (_, i) => 5000 + i);
    const { peer } = await peerThat(
      `process.setgroups(${JSON.stringify(groups)}); process.setgid(4001); process.setuid(4002)`,
    );
    assert.equal([peer.uid, peer.gid, peer.groups], [4002, 4001, groups]);
  }
});

test('what is no socket has no peer', () => {
  assert.throws(() => peerOf(openSync('/dev/null', 'r')), /who the peer of a socket is: ENOTSOCK/);
  assert.throws(() => peerOf(-1), /EBADF/);
});

test.run();
