/**
 * System calls: what a request is in a mounted tree, made by the acting puppet itself. Both trees are asked by the same
 * calls; they differ in which files a container has.
 */
import { strict as assert } from 'node:assert';
import { type Bytes, bufferOf } from '../../events/bytes.ts';
import type { Puppet, Reply, Stage } from './puppets.ts';
import type { Node, Request } from './step.ts';

export interface MountedTree {
  readonly mountPoint: string;
  /** Files of the tree's own, which have the same owner and mode as `tasks`. */
  readonly likeTasks: readonly string[];
}

export class SystemCalls {
  readonly #stage: Stage;
  readonly #tree: MountedTree;

  constructor(stage: Stage, tree: MountedTree) {
    this.#stage = stage;
    this.#tree = tree;
  }

  /** Makes the request's system call as its actor. No call moves a whole process. */
  async perform(request: Exclude<Request, { type: 'attach' }>): Promise<Reply> {
    const { actor } = request;
    switch (request.type) {
      case 'mkdir': {
        const { mode, umask } = request;
        return this.call(actor, 'mkdir', this.#hex(request.path), octal(mode), octal(umask));
      }
      case 'rmdir':
        return this.call(actor, 'rmdir', this.#hex(request.path));
      case 'rename':
        return this.call(actor, 'rename', this.#renameHex(request.from), this.#renameHex(request.to));
      case 'write':
        return this.write(actor, request.path, request.file, request.text);
      case 'delegate':
        return this.#delegate(actor, request.path, request.uid, request.gid);
      case 'chmod':
        return this.#change(actor, request.path, request.node, 'chmod', octal(request.mode));
      case 'chown':
        return this.#change(
          actor,
          request.path,
          request.node,
          'chown',
          String(request.uid),
          String(request.gid),
        );
      case 'read':
        return this.call(actor, 'read', this.#hex(`${request.path}/${request.file}`));
      case 'list':
        return this.call(actor, 'list', this.#hex(`${request.path}/`));
      case 'stat':
        return this.call(actor, 'stat', this.#hex(nodePath(request.path, request.node)));
    }
  }

  call(actor: Puppet, ...words: string[]): Promise<Reply> {
    return this.#stage.order(actor, ...words);
  }

  write(actor: Puppet, path: Bytes, file: string, text: Bytes): Promise<Reply> {
    const hex = Buffer.from(text, 'latin1').toString('hex') || '-';
    return this.call(actor, 'write', this.#hex(`${path}/${file}`), hex);
  }

  path(path: Bytes): Buffer {
    return Buffer.concat([Buffer.from(this.#tree.mountPoint), bufferOf(path === '/' ? '' : `/${path}`)]);
  }

  /**
   * Delegating is all or nothing: whoever may not give one of the three nodes away gives none away. An owner may give the
   * files away also where their directory's mode keeps him from them.
   */
  async #delegate(actor: Puppet, path: Bytes, uid: number, gid: number): Promise<Reply> {
    const owners = [String(uid), String(gid)];
    const directory = await this.#look(nodePath(path, 'directory'));
    const tasks = await this.#look(nodePath(path, 'tasks'));
    const files = [tasks, await this.#look(nodePath(path, 'notify_on_release'))];
    const chown = ({ hex }: Looked): Promise<Reply> => this.call(actor, 'chown', hex, ...owners);
    let reply = await chown(directory);
    if (reply.answer !== 'ok') return reply;
    await this.#asRoot('chmod', directory.hex, '777');
    for (const file of files) if (reply.answer === 'ok') reply = await chown(file);
    for (const node of reply.answer === 'ok' ? [] : [directory, ...files]) {
      await this.#asRoot('chown', node.hex, ...node.owners);
      await this.#asRoot('chmod', node.hex, node.mode);
    }
    if (reply.answer !== 'ok') return reply;
    await this.#asRoot('chmod', directory.hex, directory.mode);
    for (const file of this.#tree.likeTasks) await this.#follow(path, file, 'chown', owners);
    return reply;
  }

  /** How a node is now; of one that is not there, nothing. */
  async #look(path: Bytes): Promise<Looked> {
    const hex = this.#hex(path);
    const { value } = await this.call(this.#stage.first, 'stat', hex);
    const [mode = '', owners = ''] = Buffer.from(value, 'hex').toString().split(' ');
    return { hex, mode: mode.slice(-4), owners: owners.split(':') };
  }

  async #asRoot(call: 'chmod' | 'chown', ...words: readonly string[]): Promise<void> {
    const { answer } = await this.call(this.#stage.first, call, ...words);
    assert.equal(answer, 'ok', 'root may give away and open what it wants');
  }

  async #change(
    actor: Puppet,
    path: Bytes,
    node: Node,
    call: 'chmod' | 'chown',
    ...to: string[]
  ): Promise<Reply> {
    const reply = await this.call(actor, call, this.#hex(nodePath(path, node)), ...to);
    if (reply.answer !== 'ok' || node !== 'tasks') return reply;
    for (const file of this.#tree.likeTasks) await this.#follow(path, file, call, to);
    return reply;
  }

  #follow(path: Bytes, file: string, call: 'chmod' | 'chown', to: readonly string[]): Promise<void> {
    return this.#asRoot(call, this.#hex(`${path}/${file}`), ...to);
  }

  #hex(path: Bytes): string {
    return this.path(path).toString('hex');
  }

  /** The root is named from inside: seen from outside it is a folder of another filesystem's. */
  #renameHex(path: Bytes): string {
    return this.#hex(path === '/' ? '/.' : path);
  }
}

/** A node's path in hexadecimal digits, its mode in octal ones, and its user and group. */
interface Looked {
  readonly hex: string;
  readonly mode: string;
  readonly owners: readonly string[];
}

/** The slash at the end asks for a directory. */
function nodePath(path: Bytes, node: Node): Bytes {
  return `${path}/${node === 'directory' ? '' : node}`;
}

function octal(mode: number): string {
  return mode.toString(8);
}
