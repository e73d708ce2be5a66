/** The system log, played by a socket of our own: what arrives is what syslog(3) would have sent. */
import { rmSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checked, libc } from '../../src/system/libc.ts';
import { writeSystemLog } from '../../src/system/systemLog.ts';
import { emptyFolder } from '../http/fakeDaemon.ts';

const systemLog = suite('system log');

systemLog('a line arrives with its priority, time, name and pid', () => {
  const folder = emptyFolder();
  const path = `${folder}/log`;
  const { socket, bind, recv, close } = libc();
  const fd = checked('a socket', socket(1, 2, 0));
  const address = Buffer.from(`\x01\0${path}\0`, 'utf8');
  checked('a name', bind(fd, address, address.length));
  writeSystemLog('head 7:ab', new Date(2026, 10, 4, 3, 12, 5).getTime(), path);
  const message = Buffer.alloc(1000);
  const length = checked('a message', recv(fd, message, message.length, 0x40));
  assert.is(message.toString('utf8', 0, length), `<30>Nov  4 03:12:05 tasktrail[${process.pid}]: head 7:ab`);
  close(fd);
  assert.throws(() => writeSystemLog('x', 0, path), /writing to the system log at .*: ECONNREFUSED/);
  rmSync(folder, { recursive: true });
  assert.throws(() => writeSystemLog('x', 0, path), /ENOENT/);
});

systemLog.run();
