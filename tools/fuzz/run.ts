/**
 * Fuzzing of the mount's protocol: messages that the kernel would never send go to a session, with the whole filesystem
 * behind it and a recorder in memory. Whatever comes, nothing throws, every message has at most one reply, and that of
 * the protocol's form; and only what is sound is decided.
 */
import { strict as assert } from 'node:assert';
import { setImmediate } from 'node:timers/promises';
import { headerOf, isAnswered } from '../../src/fs/header.ts';
import { Session } from '../../src/fs/session.ts';
import type { Command, Place } from '../../src/kernel/command.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import { type Random, seededRandom } from '../../src/random.ts';
import { filesystemOf } from '../../test/fs/client.ts';
import { Recording } from '../../test/support/recording.ts';
import { mutated, soundMessage } from './mutator.ts';

/** A session with all that is behind it lives so long: then it has seen enough, and its log is let go. */
const messagesEach = 50_000;
/** Between two pauses in which commands are committed, and others can run. */
const messagesAtOnce = 500;
/** How many replies with an errno the kernel takes (fuse_dev_do_write in fs/fuse/dev.c): below this it is malformed. */
const errnoLimit = 512;
const soundShare = 0.2;

export interface Fuzzed {
  readonly messages: number;
  readonly decided: number;
  readonly replies: number;
}

/** Sends so many messages of one seed. Throws where something is wrong, with the message that did it. */
export async function fuzz(
  seed: number,
  messages: number,
  progress: (done: number) => void = () => {},
): Promise<Fuzzed> {
  const random = seededRandom(seed);
  const sum = { messages: 0, decided: 0, replies: 0 };
  // A session answers what should not have been thrown with an errno, and warns.
  const warnings: Error[] = [];
  const keep = (warning: Error): void => void warnings.push(warning);
  process.on('warning', keep);
  while (sum.messages < messages) {
    const count = Math.min(messagesEach, messages - sum.messages);
    const conversation = await Conversation.begin();
    await conversation.go(random, count);
    // Warnings are handed out with the next turn.
    await setImmediate();
    assert.deepEqual(warnings, []);
    sum.messages += count;
    sum.decided += conversation.decided;
    sum.replies += conversation.replies;
    progress(sum.messages);
  }
  process.off('warning', keep);
  return sum;
}

class Conversation {
  readonly #recording: Recording;
  readonly #session: Session;
  /** How many replies are due yet, by what names them; a name may come up twice. */
  readonly #due = new Map<bigint, number>();
  decided = 0;
  replies = 0;

  private constructor(recording: Recording) {
    this.#recording = recording;
    this.#watch();
    this.#session = new Session(filesystemOf(recording), (reply) => this.#take(reply));
  }

  static async begin(): Promise<Conversation> {
    return new Conversation(await Recording.begin());
  }

  async go(random: Random, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const sound = soundMessage(random);
      const message = random.chance(soundShare) ? sound : mutated(sound, random);
      this.#ask(message);
      if (i % messagesAtOnce === 0) await this.#session.settled();
    }
    await this.#session.settled();
    for (const [unique, due] of this.#due) assert.equal(due, 0, `message ${unique} has no reply`);
    assert.deepEqual(this.#recording.failures, []);
  }

  #ask(message: Buffer): void {
    const before = Buffer.from(message);
    const header = headerOf(message);
    if (header && isAnswered(header.operation)) {
      this.#due.set(header.unique, (this.#due.get(header.unique) ?? 0) + 1);
    }
    try {
      const goesOn = this.#session.take(message);
      if (header && !goesOn) {
        assert.equal(header.operation, 26, 'only a greeting ends a session that a header begins');
        this.#due.set(header.unique, (this.#due.get(header.unique) ?? 0) - 1);
      }
      assert(goesOn || header === undefined || header.operation === 26);
    } catch (error) {
      throw new Error(`the message ${before.toString('hex')} breaks it`, { cause: error });
    }
  }

  #take(reply: Buffer): void {
    assert.equal(reply.readUInt32LE(0), reply.length);
    const unique = reply.readBigUInt64LE(8);
    const error = reply.readInt32LE(4);
    // A notice.
    if (unique === 0n && error > 0) return;
    this.replies += 1;
    assert(error <= 0 && error > -errnoLimit, `the kernel takes no errno ${error}`);
    const due = this.#due.get(unique) ?? 0;
    assert(due > 0, `nobody has asked for a reply to ${unique}`);
    this.#due.set(unique, due - 1);
  }

  /** Every command on its way to `decide` has to be sound. */
  #watch(): void {
    const { recorder } = this.#recording;
    const attempt = recorder.attempt.bind(recorder);
    recorder.attempt = (request) => {
      const plan = request.plan.bind(request);
      const watched: typeof plan = (state) => {
        const planned = plan(state);
        if (!isRefusal(planned)) {
          requireSound(planned);
          this.decided += 1;
        }
        return planned;
      };
      return attempt(Object.defineProperty(request, 'plan', { value: watched }));
    };
  }
}

function requireSound(command: Command): void {
  switch (command.type) {
    case 'write':
      requireId(command.container);
      assert(command.text.length <= 64 * 1024 && isBytes(command.text));
      break;
    case 'attr':
      requireId(command.container);
      for (const value of [command.mode, command.uid, command.gid]) {
        assert(value === undefined || (Number.isInteger(value) && value >= 0 && value < 2 ** 32));
      }
      break;
    case 'mkdir':
      requirePlace(command.at);
      assert(Number.isInteger(command.mode) && Number.isInteger(command.umask));
      break;
    case 'rename':
      requirePlace(command.from);
      requirePlace(command.to);
      assert.equal(typeof command.exchange, 'boolean');
      break;
    case 'attach':
    case 'delegate':
      assert.fail('the filesystem has no such command');
      break;
    default:
      requirePlace(command.at);
  }
}

function requirePlace({ parent, name }: Place): void {
  requireId(parent);
  assert(name.length > 0 && !name.includes('\0') && isBytes(name), `${JSON.stringify(name)} is no name`);
}

function requireId(id: number): void {
  assert(Number.isSafeInteger(id) && id > 0, `${id} is no container's id`);
}

function isBytes(text: string): boolean {
  return /^[\x00-\xff]*$/.test(text);
}
