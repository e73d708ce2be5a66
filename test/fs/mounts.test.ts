/**
 * More than one mount, and mounts that others make: `tasktrail mount`, mount(8) with the helper, other mount namespaces,
 * who may and who may not; and what becomes of whoever waits at a mount whose daemon stands still.
 */
import { rmdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../support/daemon.ts';
import { testNeeding } from '../support/needs.ts';
import { MountedDaemon, types } from './mountedDaemon.ts';

const mounts = suite('mounts');

let daemon: MountedDaemon;
mounts.before.each(async () => {
  daemon = new MountedDaemon();
});
mounts.after.each(async () => {
  await daemon.close();
});

testNeeding(mounts, ['ebpf', 'fuse'], 'all mounts show one tree, and end with the daemon', async () => {
  assert.is(await daemon.start(), 'serves', daemon.output);
  const { mountPoint } = daemon;
  const beside = (name: string): string => `${mountPoint}/../${name}`;
  await types(daemon.shell('sh'), [
    [
      `cd ${mountPoint}/..; tasktrail mount second; mkdir container/a; ls second`,
      'a\nnotify_on_release\nrelease_agent\ntasks',
    ],
    ['rmdir second/a; ls container', 'notify_on_release\nrelease_agent\ntasks'],
    [
      'tasktrail mount -o ro third; ls third; mkdir third/x',
      "notify_on_release\nrelease_agent\ntasks\nmkdir: cannot create directory 'third/x': Read-only file system",
    ],
    ['grep -c " $PWD/[a-z]* fuse.container r[ow],nosuid,nodev,noexec," /proc/mounts', '3'],
    [
      'tasktrail status | grep -A 2 ^mounted | sed "s, /.*/, ,"',
      'mounted    at container\n           at second\n           at third',
    ],
    [
      'tasktrail mount second',
      'tasktrail: the containers cannot be mounted at PWD/second: it is not empty: name an empty folder'.replace(
        'PWD',
        mountPoint.replace('/container', ''),
      ),
    ],
    [
      'tasktrail unmount second; ls second; while tasktrail status | grep -q second; do :; done; echo gone',
      'gone',
    ],
    [
      'tasktrail unmount second 2>&1 | grep -o "nothing of tasktrail is mounted"',
      'nothing of tasktrail is mounted',
    ],
  ]);
  assert.is(await daemon.stop(), 0, daemon.output);
  await types(daemon.shell('sh'), [['grep -c " $PWD/../" /proc/mounts', '0']]);
  for (const name of ['second', 'third']) rmdirSync(beside(name));
});

testNeeding(
  mounts,
  ['ebpf', 'fuse'],
  'times can be set by who may, show in all mounts, and go with the container',
  async () => {
    assert.is(await daemon.start(), 'serves', daemon.output);
    await types(daemon.shell('bash'), [
      [
        'cd ..; tasktrail mount second; mkdir container/a; stat -c %Y container/a second/a | uniq | wc -l',
        '1',
      ],
      [
        "touch -d '2001-02-03 04:05:06.789012345Z' container/a; TZ=UTC0 stat -c '%x,%y' container/a second/a",
        '2001-02-03 04:05:06.789012345 +0000,2001-02-03 04:05:06.789012345 +0000\n'.repeat(2).trimEnd(),
      ],
      ['touch -m -d @-1 second/a; stat -c "%X %Y" container/a second/a', '981173106 -1\n981173106 -1'],
      ['touch -a second/a; test $(stat -c %X container/a) -gt 981173106; echo $?', '0'],
      ['touch -d @5 container/a/tasks; echo 0 > second/a/tasks; echo 0 > second/tasks', ''],
      ['stat -c %Y second/a/tasks second/a/notify_on_release | grep -cx 5', '1'],
      [
        "setpriv --reuid 1234 --regid 1234 --clear-groups touch -d @7 container/a 2>&1 | grep -o 'Operation not permitted'",
        'Operation not permitted',
      ],
      [
        "setpriv --reuid 1234 --regid 1234 --clear-groups touch container/a 2>&1 | grep -o 'Permission denied'",
        'Permission denied',
      ],
      ['rmdir container/a; mkdir container/a; stat -c %Y container/a container second/a | uniq | wc -l', '1'],
      ['tasktrail unmount second; rmdir container/a', ''],
    ]);
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

testNeeding(
  mounts,
  ['ebpf', 'fuse'],
  'the proc mount has for every task the path of its container, and for each reader his own',
  async () => {
    assert.is(await daemon.start(), 'serves', daemon.output);
    await types(daemon.shell('bash'), [
      ['cd ..; tasktrail mount --proc proc; cat proc/self/container', '/'],
      [
        'mkdir container/Charlie; echo $$ > container/Charlie/tasks; cat proc/self/container proc/$$/container',
        '/Charlie\n/Charlie',
      ],
      ['sh -c "cat proc/self/container; readlink proc/self | grep -c ."', '/Charlie\n1'],
      ['cat proc/1/container; ls proc/1', '/\ncontainer'],
      ['stat -c "%A %s" proc proc/self proc/1/container', 'dr-xr-xr-x 0\nlrwxrwxrwx 0\n-r--r--r-- 0'],
      ['mv container/Charlie container/Delta; cat proc/self/container', '/Delta'],
      ['sleep 60 & exec 3< proc/$!/container; ls proc | grep -cx $!', '1'],
      ['kill $!; wait $! 2> /dev/null; cat <&3', 'cat: -: No such process'],
      ['cat proc/999999999/container', 'cat: proc/999999999/container: No such file or directory'],
      [
        'cat proc/01/container; cat proc/x/container',
        'cat: proc/01/container: No such file or directory\ncat: proc/x/container: No such file or directory',
      ],
      [
        'mkdir proc/x; rm -f proc/1/container; echo x > proc/1/container',
        "mkdir: cannot create directory 'proc/x': Operation not permitted\nrm: cannot remove 'proc/1/container': Operation not permitted\nbash: line PID: proc/1/container: Permission denied",
      ],
      ['exec 3<&-; for thread in $(ls /proc/$$/task); do cat proc/$thread/container; done', '/Delta'],
      ['(cd proc; ls | wc -l) | grep -c .; tasktrail unmount proc; rmdir proc', '1'],
    ]);
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

testNeeding(
  mounts,
  ['ebpf', 'fuse'],
  'who mounts in a mount namespace of his own has it there, and nobody has it elsewhere',
  async () => {
    assert.is(await daemon.start(), 'serves', daemon.output);
    const session =
      'tasktrail mount elsewhere; mkdir elsewhere/a; echo 0 > elsewhere/a/tasks; wc -l < elsewhere/a/tasks';
    await types(daemon.shell('bash'), [
      ['cd ..; export -f tasktrail; mkdir elsewhere', ''],
      [
        `unshare --mount bash -c '${session}'; ls elsewhere; ls container`,
        '2\na\nnotify_on_release\nrelease_agent\ntasks',
      ],
      ['tasktrail status | grep -c elsewhere', '0'],
      [
        "unshare --mount --pid --fork bash -c 'tasktrail mount elsewhere' 2>&1 | grep -o 'only in the pid namespace.*'",
        'only in the pid namespace that the daemon is in',
      ],
      [
        "unshare --user --map-root-user --mount bash -c 'tasktrail mount elsewhere' 2>&1 | grep -o 'only in the user namespace.*'",
        'only in the user namespace that the daemon is in',
      ],
      ['grep -c elsewhere /proc/mounts; rmdir elsewhere', '0'],
    ]);
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

testNeeding(
  mounts,
  ['ebpf', 'fuse'],
  'nobody waits for ever at the mount of a daemon that stands still, and the next one mounts anew',
  async () => {
    assert.is(await daemon.start(), 'serves', daemon.output);
    const shell = daemon.shell('sh');
    await types(shell, [['mkdir a; cd ..', '']]);
    await daemon.guarded();
    daemon.pause();
    await types(shell, [
      ['ls container', "ls: cannot access 'container': Software caused connection abort"],
      ['df container', 'df: container: Transport endpoint is not connected'],
    ]);
    // What is cut is taken away by the daemon itself, should it ever go on.
    daemon.goOn();
    await until('the dead mount to go', () => !daemon.isMounted);
    await types(shell, [
      [
        'tasktrail status | grep -c mounted; tasktrail mount container; ls container',
        '0\na\nnotify_on_release\nrelease_agent\ntasks',
      ],
    ]);
    daemon.pause();
    await daemon.kill();
    assert.ok(daemon.isMounted);
    assert.is(await daemon.start(), 'serves', daemon.output);
    await types(shell, [['ls container', 'a\nnotify_on_release\nrelease_agent\ntasks']]);
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

mounts.run();
