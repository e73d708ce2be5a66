/**
 * `tasktrail install` and `tasktrail uninstall`: put the mount helper there by which `mount -t container none DIR` mounts
 * what the daemon records (mount(8), "external helpers"), and take it away again.
 */
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hasCode, messageOf } from '../system/errno.ts';
import type { Context } from './context.ts';
import { quoted } from './dataFolder.ts';
import { Failure } from './failure.ts';

/** Where mount(8) looks for it. */
const helper = '/sbin/mount.container';
/** By this it is known again. */
const mark = '# Made by `tasktrail install`';

export async function install(context: Context): Promise<void> {
  refuseForeign();
  try {
    // At once as a whole: somebody may mount at this moment.
    writeFileSync(`${helper}.new`, scriptFor(context));
    chmodSync(`${helper}.new`, 0o755);
    renameSync(`${helper}.new`, helper);
  } catch (error) {
    throw new Failure(`${helper} cannot be installed: ${messageOf(error)}`);
  }
  context.terminal.print(
    context.json
      ? JSON.stringify({ installed: helper })
      : `installed ${helper}: mount -t container none DIR works now`,
  );
}

export async function uninstall(context: Context): Promise<void> {
  if (refuseForeign() === 'absent') throw new Failure(`${helper} is not installed`);
  try {
    rmSync(helper);
  } catch (error) {
    throw new Failure(`${helper} cannot be removed: ${messageOf(error)}`);
  }
  context.terminal.print(context.json ? JSON.stringify({ removed: helper }) : `removed ${helper}`);
}

function refuseForeign(): 'absent' | 'ours' {
  try {
    if (readFileSync(helper, 'utf8').includes(mark)) return 'ours';
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 'absent';
    throw new Failure(`${helper} cannot be read: ${messageOf(error)}`);
  }
  throw new Failure(`${helper} was not made by tasktrail, and stays as it is`);
}

/** mount(8) gives it `SPEC DIR [-sfnv] [-N namespace] [-o options] [-t type.subtype]`, in any order behind DIR. */
function scriptFor({ folder }: Context): string {
  const command = [process.execPath, ...process.execArgv, process.argv[1] ?? ''].map(quoted).join(' ');
  return `#!/bin/sh
${mark}, for mount(8): \`mount -t container none DIR\`.
shift
dir=$1
shift
options=
while getopts fnsvN:o:t: letter; do
  case $letter in
    f) exit 0 ;;
    o) options=$OPTARG ;;
    ?) ;;
  esac
done
exec ${command} mount --data ${quoted(folder.path)} -o "$options" -- "$dir"
`;
}
