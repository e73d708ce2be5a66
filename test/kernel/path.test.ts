/** What a path names, and who may look along it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isRefusal } from '../../src/kernel/errno.ts';
import { find, locate, openForWriting } from '../../src/kernel/path.ts';
import { Ground, rootActor } from '../support/ground.ts';

const path = suite('paths');
const somebody = { pid: 9, uid: 1000, gid: 1000, groups: [] };

/** `/a/b`, and `/closed/within`, which only root may look into. */
function ground() {
  const here = new Ground();
  const a = here.mkdir(1, 'a');
  const b = here.mkdir(a, 'b');
  const closed = here.mkdir(1, 'closed', { mode: 0o600 });
  const within = here.mkdir(closed, 'within');
  const found = (text: string, actor = rootActor) => {
    const result = find(here.state, actor, text);
    return isRefusal(result) ? result.errno : result.id;
  };
  const located = (text: string, actor = rootActor) => {
    const result = locate(here.state, actor, text);
    return isRefusal(result) ? result.errno : result;
  };
  return { here, a, b, closed, within, found, located };
}

path('slashes in front, behind and repeated count for nothing', () => {
  const { found, located, a, b } = ground();
  for (const text of ['/a/b', 'a/b', '//a///b', '/a/b/', 'a//b//']) {
    assert.is(found(text), b, text);
    assert.equal(located(text), { parent: a, name: 'b' }, text);
  }
});

path('the root is every path without a name', () => {
  const { found, located } = ground();
  for (const text of ['/', '//', '///']) {
    assert.is(found(text), 1);
    assert.equal(located(text), { parent: 0, name: '' });
  }
});

path('an empty path names nothing', () => {
  const { found, located } = ground();
  assert.is(found(''), 'ENOENT');
  assert.is(located(''), 'ENOENT');
});

path('dots are walked, also above the root', () => {
  const { found, located, a, b } = ground();
  assert.is(found('/a/./b/.'), b);
  assert.is(found('/a/b/..'), a);
  assert.is(found('/../../a'), a);
  assert.is(found('..'), 1);
  assert.equal(located('/a/b/../c'), { parent: a, name: 'c' });
});

path('a last name that is a dot is left to the command', () => {
  const { located, a } = ground();
  assert.equal(located('/a/.'), { parent: a, name: '.' });
  assert.equal(located('/a/..'), { parent: a, name: '..' });
});

path('the last name need not be there, those before it must', () => {
  const { located, found, a } = ground();
  assert.equal(located('/a/new'), { parent: a, name: 'new' });
  assert.is(located('/new/b'), 'ENOENT');
  assert.is(found('/a/new'), 'ENOENT');
  assert.is(located('/a/new/../b'), 'ENOENT');
});

path('a file is no directory, wherever it stands', () => {
  const { located, found } = ground();
  assert.is(located('/a/tasks/x'), 'ENOTDIR');
  assert.is(found('/a/notify_on_release'), 'ENOTDIR');
  assert.is(found('/release_agent'), 'ENOTDIR');
  assert.is(found('/a/release_agent'), 'ENOENT');
});

path('a name on the way that is too long is told as that', () => {
  const { located, found } = ground();
  assert.is(located(`/${'x'.repeat(256)}/y`), 'ENAMETOOLONG');
  assert.is(found(`/a/${'x'.repeat(256)}`), 'ENAMETOOLONG');
  assert.is(found(`/a/${'x'.repeat(255)}`), 'ENOENT');
});

path('every directory that a name is looked up in has to be searched, and the last name not', () => {
  const { located, found, closed, within } = ground();
  assert.is(found('/closed', somebody), closed);
  assert.equal(located('/closed', somebody), { parent: 1, name: 'closed' });
  assert.is(found('/closed/within', somebody), 'EACCES');
  assert.is(found('/closed/missing', somebody), 'EACCES');
  assert.is(found('/closed/..', somebody), 'EACCES');
  assert.is(located('/closed/new', somebody), 'EACCES');
  assert.is(located('/closed/within/new', somebody), 'EACCES');
  assert.is(found('/closed/within'), within);
});

path('to open a file takes search on its directory and write on the file', () => {
  const { here, a } = ground();
  const opened = (text: string) => {
    const result = openForWriting(here.state, somebody, text, 'tasks');
    return isRefusal(result) ? result.errno : result.id;
  };
  assert.is(opened('/a'), 'EACCES');
  const by = { task: 0, pid: 0, uid: 0, gid: 0 };
  here.apply([{ type: 'attr', container: a, node: 'tasks', mode: 0o602, uid: 0, gid: 0, by }]);
  assert.is(opened('/a'), a);
  here.apply([{ type: 'attr', container: a, node: 'directory', mode: 0o776, uid: 0, gid: 0, by }]);
  assert.is(opened('/a'), 'EACCES');
  assert.is(opened('/missing'), 'ENOENT');
});

path.run();
