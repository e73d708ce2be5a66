/**
 * The mounted tree, in the hands of real shells: the sessions that the documentation of the patch shows, ordinary
 * mistakes, and what becomes of the mount when its daemon stops, is killed, or is unmounted under it.
 */
import { readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { testNeeding } from '../support/needs.ts';
import { beginningIn, typed, types } from './mountedDaemon.ts';

const mount = suite('mount');

const begin = beginningIn(mount);

for (const program of ['bash', 'dash'] as const) {
  testNeeding(
    mount,
    ['ebpf', 'fuse', program],
    `${program}: a subshell of a shell in a container is in it too, as section 1.5 of the patch's manual has it`,
    async () => {
      const daemon = await begin();
      const shell = daemon.shell(program);
      await types(shell, [
        [`cd ${daemon.mountPoint}`, ''],
        ['mkdir Charlie', ''],
        ['cd Charlie', ''],
        ['/bin/echo $$ > tasks', ''],
        ['first=$$', ''],
      ]);
      const observer = daemon.shell('sh');
      await typed(observer, 'cd Charlie');
      shell.enter('sh');
      while ((await typed(observer, 'wc -l < tasks')).trim() !== '2');
      await types(shell, [
        ['tasktrail() { :; }; grep -c . tasks', '3'],
        ['grep -x $$ tasks | wc -l', '1'],
      ]);
      shell.enter('exit');
      while ((await typed(observer, 'wc -l < tasks')).trim() !== '1');
      await types(shell, [
        ['tasktrail path $$', '/Charlie'],
        ['test $$ = $first && grep -x $$ tasks | wc -l', '1'],
      ]);
      assert.is(await daemon.stop(), 0, daemon.output);
    },
  );

  testNeeding(
    mount,
    ['ebpf', 'fuse', program],
    `${program}: containers are made, looked into, used and removed, as section 2.1 of the patch's manual has it`,
    async () => {
      const daemon = await begin();
      const shell = daemon.shell(program);
      await types(shell, [
        [`cd ${daemon.mountPoint}`, ''],
        ['mkdir my_container', ''],
        ['cd my_container', ''],
        ['ls', 'notify_on_release\ntasks'],
        ['/bin/echo $$ > tasks', ''],
        ['cat tasks', 'PID\nPID'],
        ['mkdir my_sub_cs', ''],
        ['ls -F', 'my_sub_cs/\nnotify_on_release\ntasks'],
        ['rmdir my_sub_cs', ''],
        ['ls', 'notify_on_release\ntasks'],
        ['cat notify_on_release', '0'],
        ['echo 1 > notify_on_release && cat notify_on_release', '1'],
        ['mkdir child && cat child/notify_on_release', '1'],
        ['sleep 60 & echo $! > child/tasks; test "$(cat child/tasks)" = $!; echo $?', '0'],
        ['rmdir child', "rmdir: failed to remove 'child': Device or resource busy"],
        ['kill $!; wait $! 2> /dev/null; cat child/tasks; rmdir child', ''],
        ['cd .. && rmdir my_container', "rmdir: failed to remove 'my_container': Device or resource busy"],
        [
          'echo 0 > tasks; cat my_container/tasks; rmdir my_container; ls',
          'notify_on_release\nrelease_agent\ntasks',
        ],
      ]);
      assert.is(await daemon.stop(), 0, daemon.output);
    },
  );

  testNeeding(
    mount,
    ['ebpf', 'fuse', program],
    `${program}: a mistake is an ordinary error, and changes nothing`,
    async () => {
      const daemon = await begin();
      const shell = daemon.shell(program);
      await types(shell, [
        ['mkdir a a/s b', ''],
        ['mkdir a', "mkdir: cannot create directory 'a': File exists"],
        ['mkdir tasks', "mkdir: cannot create directory 'tasks': File exists"],
        [
          `mkdir ${'x'.repeat(256)}`,
          `mkdir: cannot create directory '${'x'.repeat(256)}': File name too long`,
        ],
        ["mkdir 'x\ny' 2>&1 | tail -n 1 | tail -c 17", 'Invalid argument'],
        ['rmdir a', "rmdir: failed to remove 'a': Device or resource busy"],
        ['rmdir c', "rmdir: failed to remove 'c': No such file or directory"],
        ['rmdir tasks', "rmdir: failed to remove 'tasks': Not a directory"],
        ['rm a/tasks', "rm: cannot remove 'a/tasks': Operation not permitted"],
        ['touch c', "touch: cannot touch 'c': Permission denied"],
        ['ln -s a c', "ln: failed to create symbolic link 'c': Operation not permitted"],
        ['mkfifo c', "mkfifo: cannot create fifo 'c': Operation not permitted"],
        ['mv -T a b', "mv: cannot move 'a' to 'b': File exists"],
        ['mv a/s .', "mv: cannot move 'a/s' to './s': Input/output error"],
        ['/bin/echo abc > a/tasks', '/bin/echo: write error: Input/output error'],
        ['/bin/echo 1 2 > a/tasks', '/bin/echo: write error: Invalid argument'],
        ['/bin/echo -1 > a/tasks', '/bin/echo: write error: No such process'],
        ['/bin/echo x > a/notify_on_release', '/bin/echo: write error: Invalid argument'],
        [
          "head -c 4097 /dev/zero | tr '\\0' 1 | dd bs=8192 iflag=fullblock of=a/tasks 2>&1 | head -n 1",
          "dd: error writing 'a/tasks': Argument list too long",
        ],
        [
          'cat a/tasks a/notify_on_release; ls; ls a',
          '0\na\nb\nnotify_on_release\nrelease_agent\ntasks\nnotify_on_release\ns\ntasks',
        ],
        ['mv a z && ls', 'b\nnotify_on_release\nrelease_agent\ntasks\nz'],
      ]);
      assert.is(await daemon.stop(), 0, daemon.output);
    },
  );
}

testNeeding(
  mount,
  ['ebpf', 'fuse'],
  'another user gets what he is given, and moves what is his',
  async () => {
    const daemon = await begin();
    const shell = daemon.shell('sh');
    await types(shell, [
      ['as() { setpriv --reuid $1 --regid $1 --clear-groups sh -c "$2"; }', ''],
      ['mkdir a', ''],
      ["as 1234 'mkdir x'", "mkdir: cannot create directory 'x': Permission denied"],
      ["as 1234 'mkdir a'", "mkdir: cannot create directory 'a': File exists"],
      ["as 1234 'mkdir a/x'", "mkdir: cannot create directory 'a/x': Permission denied"],
      ["as 1234 'rmdir a'", "rmdir: failed to remove 'a': Permission denied"],
      ["as 1234 'chmod 777 a'", "chmod: changing permissions of 'a': Operation not permitted"],
      ["as 1234 'echo 0 > a/tasks' 2>&1 | grep -c 'Permission denied'", '1'],
      ["as 1234 'test -w a || echo closed'", 'closed'],
      [
        'chown 1234:1234 a a/tasks a/notify_on_release; stat -c "%a %u:%g" a a/tasks',
        '755 1234:1234\n644 1234:1234',
      ],
      ["as 1234 'mkdir a/x && echo 0 > a/x/tasks && cat a/x/tasks'", 'PID\nPID'],
      ["as 1234 '/bin/echo 1 > a/x/tasks'", '/bin/echo: write error: Permission denied'],
      ["exec 3> a/tasks; as 1234 '/bin/echo 1 >&3'; exec 3>&-", '/bin/echo: write error: Permission denied'],
      ["as 1234 'chmod 700 a/x'; as 1235 'ls a/x'", "ls: cannot open directory 'a/x': Permission denied"],
      ["as 1234 'rmdir a/x'; ls a", 'notify_on_release\ntasks'],
    ]);
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

testNeeding(
  mount,
  ['ebpf', 'fuse', 'bash', 'dash'],
  'an ordinary user does in a container of his own what the patch’s manual does in the root',
  async () => {
    const daemon = await begin();
    const shell = daemon.shell('sh');
    await types(shell, [
      ['tasktrail mkdir /alice; tasktrail delegate /alice 1234:1234', ''],
      ['(cd ..; tasktrail mount --proc proc)', ''],
    ]);
    await types(shell, [
      ['as() { setpriv --reuid $1 --regid $1 --clear-groups $2 -c "$3"; }', ''],
      ...['bash', 'dash'].map((program): [string, string] => [
        `as 1234 ${program} 'cd alice; mkdir Charlie; cd Charlie; /bin/echo $$ > tasks; sh -c "cat ../../../proc/self/container"
          ls; mkdir my_sub_cs; ls; rmdir my_sub_cs; cat tasks
          rmdir ../Charlie; /bin/echo 1 > tasks; cd ..; rmdir ../alice; mkdir ../x; echo 0 > ../tasks'; rmdir alice/Charlie`,
        [
          '/alice/Charlie',
          'notify_on_release\ntasks',
          'my_sub_cs\nnotify_on_release\ntasks',
          'PID\nPID',
          "rmdir: failed to remove '../Charlie': Device or resource busy",
          '/bin/echo: write error: Permission denied',
          "rmdir: failed to remove '../alice': Permission denied",
          "mkdir: cannot create directory '../x': Permission denied",
          `${program}: ${program === 'bash' ? 'line 3' : '3'}: ${program === 'bash' ? '../tasks: Permission denied' : 'cannot create ../tasks: Permission denied'}`,
        ].join('\n'),
      ]),
    ]);
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

testNeeding(
  mount,
  ['ebpf', 'fuse'],
  'one write is one command, in whatever way the file was opened and wherever it is written to',
  async () => {
    const daemon = await begin();
    const here = 'grep -cx $$ a/tasks; echo 0 > tasks';
    await types(daemon.shell('sh'), [
      ['mkdir a', ''],
      [`printf ' %s\n' $$ > a/tasks; ${here}`, '1'],
      [`printf '%s\\0x' $$ > a/tasks; ${here}`, '1'],
      [`echo 000$$ >> a/tasks; ${here}`, '1'],
      [`printf $$ | dd of=a/tasks bs=16 seek=9 conv=notrunc status=none; ${here}`, '1'],
      ['sleep 60 & exec 3> a/tasks; echo $! >&3; echo $$ >&3; exec 3>&-; grep -cx -e $! -e $$ a/tasks', '2'],
      ['echo 0 > tasks; kill $!; wait $! 2> /dev/null; cat a/tasks', ''],
      [
        ': > a/tasks; printf "" > a/tasks; truncate -s 9 a/tasks; touch -t 200001010000 a/tasks; wc -c < a/tasks',
        '0',
      ],
      [
        "for text in 2 01 1 ' 1 ' 18446744073709551616; do echo 0 > a/notify_on_release; \\\n" +
          'echo "$text" > a/notify_on_release; cat a/notify_on_release; done | uniq -c | xargs',
        '5 1',
      ],
      [
        'for text in x -1 \'\' +1 0x1; do /bin/echo "$text" > a/notify_on_release; done 2>&1 | uniq -c | xargs',
        '5 /bin/echo: write error: Invalid argument',
      ],
      ['cat a/notify_on_release', '1'],
      ['mkdir .at', "mkdir: cannot create directory '.at': File exists"],
      [
        'mkdir release_agent a/release_agent; ls a',
        "mkdir: cannot create directory 'release_agent': File exists\nnotify_on_release\nrelease_agent\ntasks",
      ],
    ]);
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

testNeeding(
  mount,
  ['ebpf', 'fuse'],
  'who holds a removed container reads on, and changes nothing',
  async () => {
    const daemon = await begin();
    const shell = daemon.shell('sh');
    await types(shell, [
      ['mkdir a; exec 3< a/notify_on_release 4> a/tasks; cd a', ''],
      ['(cd ..; rmdir a); cat <&3', '0'],
      ['/bin/echo 0 >&4', '/bin/echo: write error: No such device'],
      ['mkdir b', "mkdir: cannot create directory 'b': No such file or directory"],
      ['ls', ''],
      ['exec 3<&- 4>&-; cd ..; mkdir a; cat a/tasks', ''],
      [
        'cd a; (tasktrail rmdir /a); mkdir b',
        "mkdir: cannot create directory 'b': No such file or directory",
      ],
    ]);
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

testNeeding(
  mount,
  ['ebpf', 'fuse'],
  'what changes a mode, a name or a membership elsewhere shows at once',
  async () => {
    const daemon = await begin();
    await types(daemon.shell('sh'), [
      ['tasktrail mkdir /a; ls', 'a\nnotify_on_release\nrelease_agent\ntasks'],
      [
        'cd a; tasktrail mv /a /b; ls ..; ls -d ../b ../a',
        "b\nnotify_on_release\nrelease_agent\ntasks\nls: cannot access '../a': No such file or directory\n../b",
      ],
      ['tasktrail attach /b $$; grep -cx $$ tasks', '1'],
      ['tasktrail attach / $$; cat tasks', ''],
      ['tasktrail delegate /b 1234:1234; stat -c %u . tasks', '1234\n1234'],
      ['cd ..; tasktrail rmdir /b; ls', 'notify_on_release\nrelease_agent\ntasks'],
    ]);
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

testNeeding(
  mount,
  ['ebpf', 'fuse'],
  'a pid that is written in another pid namespace means the task that has it there',
  async () => {
    const daemon = await begin();
    await types(daemon.shell('sh'), [
      ['mkdir a; echo before: $(cat a/tasks)', 'before:'],
      ["unshare --pid --fork sh -c '/bin/echo $$ > a/tasks; echo $$; cat a/tasks'", '1\nPID\nPID'],
      ["unshare --pid --fork sh -c '/bin/echo 1000 > a/tasks'", '/bin/echo: write error: No such process'],
      ["unshare --pid --fork sh -c 'echo 0 > a/tasks; cat a/tasks'", 'PID\nPID'],
    ]);
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

testNeeding(
  mount,
  ['ebpf', 'fuse'],
  'a shell that forks and at once reads its own tasks finds itself and its child, and never one that ended',
  async () => {
    const daemon = await begin();
    const shell = daemon.shell('sh');
    await types(shell, [
      ['mkdir a; cd a; echo 0 > tasks', ''],
      [
        `round=0; while [ $round -lt 200 ]; do round=$((round + 1))
          sleep 60 & child=$!
          grep -qx $$ tasks || echo misses the shell; grep -qx $child tasks || echo misses its child
          kill $child; wait $child 2> /dev/null; grep -qx $child tasks && echo shows the dead
          (read -r line < tasks; [ -n "$line" ] || echo nobody)
        done`,
        '',
      ],
    ]);
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

testNeeding(
  mount,
  ['ebpf', 'fuse'],
  'a daemon that stops leaves no mount, though somebody stands in it',
  async () => {
    const daemon = await begin();
    assert.ok(daemon.isMounted);
    const shell = daemon.shell('sh');
    await types(shell, [
      ['tasktrail status | grep mounted', `mounted    at ${daemon.mountPoint}`],
      ['mkdir a; cd a; exec 3< tasks', ''],
    ]);
    assert.is(await daemon.stop(), 0, daemon.output);
    assert.not(daemon.isMounted);
    assert.equal(readdirSync(daemon.mountPoint), []);
    await types(shell, [['cat <&3 2>&1 | head -n 1', 'cat: -: Transport endpoint is not connected']]);
  },
);

testNeeding(
  mount,
  ['ebpf', 'fuse'],
  'the mount of a daemon that was killed is taken over by the next one',
  async () => {
    const daemon = await begin();
    // What the kernel was told of the root it keeps, and goes on telling.
    await typed(daemon.shell('sh'), 'mkdir a; stat .');
    await daemon.kill();
    assert.ok(daemon.isMounted);
    assert.throws(() => readdirSync(daemon.mountPoint), /ENOTCONN/);
    assert.is(await daemon.start(), 'serves', daemon.output);
    await types(daemon.shell('sh'), [['ls', 'a\nnotify_on_release\nrelease_agent\ntasks']]);
    assert.is(await daemon.stop(), 0, daemon.output);
    assert.not(daemon.isMounted);
  },
);

testNeeding(mount, ['ebpf', 'fuse'], 'whoever unmounts it ends no recording', async () => {
  const daemon = await begin();
  const shell = daemon.shell('sh');
  await types(shell, [
    [`cd /; umount ${daemon.mountPoint}`, ''],
    [`ls ${daemon.mountPoint}; tasktrail mkdir /a; tasktrail status | grep -c mounted`, '0'],
  ]);
  assert.is(await daemon.stop(), 0, daemon.output);
});

testNeeding(mount, ['ebpf', 'fuse'], 'a folder that holds something is not mounted over', async () => {
  const daemon = await begin();
  await daemon.stop();
  await typed(daemon.shell('sh'), 'touch kept');
  assert.is(await daemon.start(), 1);
  assert.match(
    daemon.output,
    /^tasktrail: the containers cannot be mounted at .*: it is not empty: name an empty folder\n$/,
  );
  await typed(daemon.shell('sh'), 'rm kept');
});

mount.run();
