/**
 * The mount helper, the default mount points, and what whoever is not root gets: each in a mount namespace of its own,
 * so that the machine keeps neither a helper nor a mount.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { builtProgram } from '../../tools/builtProgram.ts';
import { testNeeding } from '../support/needs.ts';

const helper = suite('mount helper');

const main = [builtProgram()];
const asNobody = [...process.execArgv, fileURLToPath(new URL('../cli/asNobody.ts', import.meta.url))];
const deadlineMs = 60_000;

/** What every session begins with: how the daemon is started, and that it ends with the session. */
const preambleFor = (command: string): string => `
exec 2>&1
tasktrail() { ${command} "$@"; }
start() {
  : > log
  (exec ${command} up "$@") > log 2>&1 &
  daemon=$!
  until grep -q Ctrl-C log; do kill -0 $daemon || { cat log; exit 9; }; sleep 0.1; done
}
stop() { kill $daemon; wait $daemon; }
trap 'kill -9 $daemon 2> /dev/null; wait' EXIT
`;

/** Runs a session in a folder and a mount namespace of its own; resolves with what it printed. */
async function session(program: readonly string[], script: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-helper-'));
  try {
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'run'));
    for (const each of [folder, join(folder, 'run')]) chownSync(each, 65534, 65534);
    const tasktrail = [process.execPath, ...program].map((word) => `'${word}'`).join(' ');
    const env = { ...process.env, LC_ALL: 'C', HOME: folder, TASKTRAIL_DATA: join(folder, 'data') };
    const text = preambleFor(tasktrail) + script;
    const shell = spawn('unshare', ['--mount', 'bash', '-c', text], {
      cwd: folder,
      env: { ...env, XDG_RUNTIME_DIR: join(folder, 'run') },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const timer = setTimeout(() => shell.kill('SIGKILL'), deadlineMs);
    let printed = '';
    shell.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    await once(shell, 'close');
    clearTimeout(timer);
    return printed.replaceAll(folder, 'HERE').trimEnd();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

testNeeding(
  helper,
  ['ebpf', 'fuse', 'bash'],
  'mount -t container none DIR works as in the patch’s manual, once the helper is installed',
  async () => {
    const printed = await session(
      main,
      `
mkdir upper work && mount -t tmpfs none work && mkdir work/up work/work
mount -t overlay -o lowerdir=$(realpath /sbin),upperdir=work/up,workdir=work/work none $(realpath /sbin)
tasktrail install
start --no-pin --no-mount --mirror none
mkdir container
mount -t container none $PWD/container && cd container
mkdir Charlie; cd Charlie; /bin/echo $$ > tasks
grep -cx $$ tasks
cd ../..; echo 0 > container/tasks
grep -c " $PWD/container fuse.container rw," /proc/mounts
umount container; ls container
mount -t container -o ro,noauto none $PWD/container; mkdir container/x
umount container
mount -f -t container none $PWD/container; grep -c " $PWD/container " /proc/mounts
mkdir proc; mount -t container -o proc none $PWD/proc; cat proc/self/container; umount proc
mount -t container -o frob none $PWD/container; echo $?
stop
mount -t container none $PWD/container 2>&1 | cut -d : -f 1-2
tasktrail uninstall; tasktrail uninstall
echo mine > /sbin/mount.container; tasktrail install
`,
    );
    assert.equal(printed.split('\n'), [
      'installed /sbin/mount.container: mount -t container none DIR works now',
      '1',
      '1',
      "mkdir: cannot create directory 'container/x': Read-only file system",
      '0',
      '/',
      "tasktrail: there is no option 'frob': there are ro, rw and proc",
      '2',
      'tasktrail: no daemon records in HERE/data',
      'removed /sbin/mount.container',
      'tasktrail: /sbin/mount.container is not installed',
      'tasktrail: /sbin/mount.container was not made by tasktrail, and stays as it is',
    ]);
  },
);

testNeeding(
  helper,
  ['ebpf', 'fuse', 'bash'],
  'root’s daemon mounts at /dev/container, and records on where that is impossible',
  async () => {
    const printed = await session(
      main,
      `
mkdir dev && mount -t tmpfs none dev && mknod -m 600 dev/fuse c 10 229 && mknod -m 666 dev/null c 1 3
mount --bind dev /dev
start --no-pin --mirror none
grep filesystem log; ls /dev/container; stat -c %a /dev/container
stop; ls /dev
rmdir dev/container; mount -o remount,ro,bind /dev; start --no-pin --mirror none
grep filesystem log; tasktrail mkdir /a && tasktrail status | grep -c ^mounted
stop
start --no-pin --mirror none --no-mount; grep -c filesystem log; stop
`,
    );
    assert.equal(printed.split('\n'), [
      'the containers are a filesystem at /dev/container',
      'notify_on_release',
      'release_agent',
      'tasks',
      '755',
      'container',
      'fuse',
      'null',
      "no filesystem: the containers cannot be mounted at /dev/container: EROFS: read-only file system, mkdir '/dev/container'",
      '0',
      '0',
    ]);
  },
);

testNeeding(
  helper,
  ['fuse', 'nobody', 'fusermount3', 'bash'],
  'an ordinary user’s daemon mounts through fusermount3, in his own place and for him alone',
  async () => {
    const printed = await session(
      asNobody,
      `
mkdir dev && mount -t tmpfs none dev && mknod dev/fuse c 10 229 && chmod 666 dev/fuse && mount --bind dev/fuse /dev/fuse
as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
start --source polling --poll-interval 50ms
grep filesystem log; ls run/container
as sh -c 'cd run/container && mkdir Charlie && cd Charlie && ls && /bin/echo $$ > tasks && grep -cx $$ tasks'
as sh -c 'echo /bin/true > run/container/release_agent; cat run/container/release_agent'
tasktrail mount --proc run/proc
as bash -c 'until read path < run/proc/self/container; do sleep 0.1; done 2> /dev/null; echo $path'
tasktrail unmount run/proc; as ls run/proc
kill -9 $daemon; wait $daemon; as ls run/container 2>&1 | grep -o 'Transport endpoint is not connected'
start --source polling --poll-interval 50ms; as ls run/container
stop; as ls run/container
`,
    );
    assert.equal(
      printed.split('\n').filter((line) => !line.includes('Killed')),
      [
        'the containers are a filesystem at HERE/run/container',
        "ls: cannot access 'run/container': Permission denied",
        'notify_on_release',
        'tasks',
        '1',
        '/bin/true',
        '/',
        'Transport endpoint is not connected',
        'Charlie',
        'notify_on_release',
        'release_agent',
        'tasks',
      ],
    );
  },
);

helper.run();
