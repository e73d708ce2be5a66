/**
 * Nobody ever sees a tree as it was, though the kernel keeps names and attributes of the mount: each session looks
 * through the mount, has something changed by another door, and looks again.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { testNeeding } from '../support/needs.ts';
import { MountedDaemon, typed } from './mountedDaemon.ts';

const freshness = suite('freshness of the mount');

let daemon: MountedDaemon | undefined;
freshness.after(async () => daemon?.close());

const sessions: readonly (readonly [string, string, string])[] = [
  [
    'a name that another container has got is that one',
    `mkdir a; ls -d a; tasktrail rmdir /a; tasktrail mkdir /a; cat a/tasks; stat -c %h a`,
    'a\n2\n',
  ],
  [
    'a renamed container is where it is, and its old name is free',
    'mkdir -p a/b; cat a/b/tasks; tasktrail mv /a /z; ls -d a/b z/b; mkdir a',
    "ls: cannot access 'a/b': No such file or directory\nz/b\n",
  ],
  [
    'a container that was removed under an open file is gone, and comes back as another',
    'mkdir a; exec 3< a/tasks; tasktrail rmdir /a; cat a/tasks; tasktrail mkdir /a; cat a/tasks; exec 3<&-',
    'cat: a/tasks: No such file or directory\n',
  ],
  [
    'modes and owners are what they are, by name and by an open file',
    `mkdir a; exec 3< a/notify_on_release; stat -c %u a a/tasks; tasktrail delegate /a 1234:1234
     stat -c %u a a/tasks; stat -L -c %u /proc/self/fd/3; exec 3<&-
     setpriv --reuid 1234 --regid 1234 --clear-groups mkdir a/x && ls -d a/x`,
    '0\n0\n1234\n1234\n1234\na/x\n',
  ],
  [
    'a directory has as many links as there are directories in it, also for who stands in it',
    'mkdir a; cd a; for c in "mkdir /a/x" "mkdir /a/y" "rmdir /a/x"; do tasktrail $c; stat -c %h .; done; stat -c %h ..',
    '3\n4\n3\n3\n',
  ],
  [
    'who stands in a container still does, and knows where, when others have come and gone',
    `mkdir -p a/b c; cd a/b; (cd ../..; tasktrail rmdir /c; tasktrail mkdir /d; ls a/b > /dev/null)
     /bin/pwd | tail -c 5; tasktrail mv /a/b /a/z; ls .. > /dev/null; cat ../z/tasks; /bin/pwd | tail -c 5`,
    '/a/b\n/a/z\n',
  ],
];

for (const [title, commands, shown] of sessions) {
  testNeeding(freshness, ['ebpf', 'fuse'], title, async () => {
    if (!daemon) {
      daemon = new MountedDaemon();
      assert.is(await daemon.start(), 'serves', daemon.output);
    }
    const shell = daemon.shell('sh');
    assert.is(await typed(shell, commands), shown);
    await typed(shell, `cd ${daemon.mountPoint}; find . -mindepth 1 -depth -type d -exec rmdir {} +`);
  });
}

freshness.run();
