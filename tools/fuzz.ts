/**
 * Fuzz: `npm run fuzz -- --messages 10000000 --seed 1`. Sends messages to the mount's protocol that the kernel would
 * never send. The same seed sends the same messages. Ends with an error that holds the message where one breaks it.
 */
import { parseArgs } from 'node:util';
import { realRandom } from '../src/random.ts';
import { fuzz } from './fuzz/run.ts';

const { values } = parseArgs({
  options: { messages: { type: 'string', default: '10000000' }, seed: { type: 'string' } },
});
const messages = Number(values.messages);
const seed = values.seed === undefined ? realRandom.bits() : Number(values.seed);
if (!Number.isInteger(messages) || messages < 1) throw new Error('--messages takes a whole number');
if (!Number.isInteger(seed) || seed < 0) throw new Error('--seed takes a whole number');

const reportEvery = 1_000_000;
process.stderr.write(`seed ${seed}\n`);
const { decided, replies } = await fuzz(seed, messages, (done) => {
  if (done % reportEvery === 0) process.stderr.write(`${done.toLocaleString('en')} messages\n`);
});
console.log(
  `${messages.toLocaleString('en')} messages of seed ${seed}: ${replies.toLocaleString('en')} replies, ` +
    `${decided.toLocaleString('en')} sound commands, nothing broke`,
);
