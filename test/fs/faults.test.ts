/**
 * The mount when something goes wrong: a daemon that is killed or stopped in front of its clients, clients that never
 * end, very many of them, and clients out of other namespaces.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { testNeeding } from '../support/needs.ts';
import type { Shell } from '../support/shell.ts';
import { beginningIn, type MountedDaemon, typed } from './mountedDaemon.ts';

const faults = suite('faults of the mount');

const begin = beginningIn(faults);

/** Each writes itself into a container, and says how that went. */
const writers = (count: number): string =>
  `i=0; while [ $i -lt ${count} ]; do i=$((i + 1))
    (sh -c 'echo 0 > a/tasks' 2> /dev/null && echo moved || echo failed) &
  done; echo all are there`;

/** Stops the daemon in the middle of whatever it does, and has twenty writers wait for it in a shell. */
async function writersBefore(daemon: MountedDaemon): Promise<Shell> {
  const shell = daemon.shell('sh');
  await typed(shell, 'mkdir a');
  daemon.pause();
  shell.type(`${writers(20)}; wait`);
  assert.ok(await shell.until(() => /all are there/.test(shell.printed), 30_000));
  return shell;
}

testNeeding(
  faults,
  ['ebpf', 'fuse'],
  'whoever writes to a daemon that was stopped waits until it goes on',
  async () => {
    const daemon = await begin();
    const shell = await writersBefore(daemon);
    daemon.goOn();
    assert.ok(await shell.until(() => shell.exitCode !== undefined, 30_000), shell.printed);
    assert.is(shell.printed.match(/moved/g)?.length, 20, shell.printed);
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

testNeeding(
  faults,
  ['ebpf', 'fuse'],
  'whoever writes to a daemon that is killed meanwhile gets an error',
  async () => {
    const daemon = await begin();
    const shell = await writersBefore(daemon);
    await daemon.kill();
    assert.ok(await shell.until(() => shell.exitCode !== undefined, 30_000), shell.printed);
    assert.is(shell.printed.match(/failed/g)?.length, 20, shell.printed);
    assert.is(await daemon.start(), 'serves', daemon.output);
    assert.match(await typed(daemon.shell('sh'), 'cat a/tasks; rmdir a; echo $?'), /^0\n$/);
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

testNeeding(faults, ['ebpf', 'fuse'], 'a reader that never closes keeps nobody from anything', async () => {
  const daemon = await begin();
  const reader = daemon.shell('sh');
  await typed(reader, 'mkdir a; exec 3< a/tasks 4< a/notify_on_release; cd a; head -c 1 <&4');
  const others = daemon.shell('sh');
  const did = 'echo 0 > a/tasks && echo 0 > tasks && rmdir a && mkdir a && ls';
  assert.is(await typed(others, did), 'a\nnotify_on_release\nrelease_agent\ntasks\n');
  assert.is(await daemon.stop(), 0, daemon.output);
});

testNeeding(faults, ['ebpf', 'fuse'], '200 clients at once each get what they ask for', async () => {
  const daemon = await begin();
  const shell = daemon.shell('sh');
  const client = `mkdir c$i && echo 0 > c$i/tasks && read -r line < c$i/tasks && [ -n "$line" ] &&
    echo 1 > c$i/notify_on_release && echo 0 > tasks && rmdir c$i && echo done`;
  const printed = await typed(
    shell,
    `i=0; while [ $i -lt 200 ]; do i=$((i + 1)); (${client}) & done; wait; ls`,
  );
  assert.is(printed.match(/^done$/gm)?.length, 200, printed);
  assert.match(printed, /^notify_on_release\nrelease_agent\ntasks\n$/m);
  assert.is(await daemon.stop(), 0, daemon.output);
});

testNeeding(
  faults,
  ['ebpf', 'fuse'],
  'a mount that somebody uses is not unmounted, and goes on',
  async () => {
    const daemon = await begin();
    const shell = daemon.shell('sh');
    await typed(shell, 'mkdir a; cd a; exec 3< tasks');
    const other = daemon.shell('sh');
    assert.match(await typed(other, `cd /; umount ${daemon.mountPoint}`), /target is busy/);
    assert.is(await typed(shell, 'mkdir b && cat b/notify_on_release'), '0\n');
    // Out of sight it still serves whoever is in it.
    assert.is(await typed(other, `umount -l ${daemon.mountPoint}; ls ${daemon.mountPoint}`), '');
    assert.is(await typed(shell, 'echo 0 > b/tasks && grep -cx $$ b/tasks'), '1\n');
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

testNeeding(
  faults,
  ['ebpf', 'fuse'],
  'in other user and mount namespaces everybody is who he is outside',
  async () => {
    const daemon = await begin();
    const shell = daemon.shell('sh');
    const as = (uid: number, what: string): string =>
      `setpriv --reuid ${uid} --regid ${uid} --clear-groups unshare -Urpf sh -c '${what}'`;
    await typed(shell, 'mkdir a mine; chown 1234:1234 mine mine/tasks');
    const printed = await typed(
      shell,
      [
        // Its own number, in its own namespace.
        as(
          1234,
          'id -u; echo $$; /bin/echo $$ > mine/tasks; grep -c . mine/tasks; mkdir mine/x && rmdir mine/x && echo made',
        ),
        as(1234, '/bin/echo 0 > a/tasks; mkdir y'),
        "unshare -Urpf sh -c '/bin/echo $$ > a/tasks; grep -c . a/tasks; true'",
        "unshare -m sh -c 'echo 0 > a/tasks; grep -c . a/tasks; cd /; umount -l '$PWD'; ls '$PWD",
        'ls',
      ].join('\n'),
    );
    assert.is(
      printed.replace(/^sh: .*?(?=Permission)/gm, ''),
      [
        '0\n1\n2\nmade',
        "Permission denied\nmkdir: cannot create directory 'y': Permission denied",
        '2',
        '2',
        'a\nmine\nnotify_on_release\nrelease_agent\ntasks\n',
      ].join('\n'),
    );
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

faults.run();
