// One session on one connection: greeting, numbers, receipts, heartbeats, credit, and who waits for which answer.
import { randomUUID } from 'node:crypto';
import grpc from '@grpc/grpc-js';
import { failure, fromWire, toWire } from './errors.js';
import { MAX_MESSAGE, REASONS, UNCOUNTED, decodeFrame, encodeFrame, encodeMessage, kindNumbers } from './wire.js';

const FRAME_BYTES = 64 * 1024;
const WINDOW = { messages: 1000, bytes: 16 * 1024 * 1024 };
const RECEIPT = { messages: 500, bytes: 512 * 1024 };
const UNDERSTOOD = [
  'welcome', 'heartbeat', 'goodbye', 'done', 'error', 'activate', 'deactivate', 'request', 'reply', 'cancel', 'published', 'delivery',
];
const PRODUCER = randomUUID();

export class Session {
  // `onMessage(message)` has what is no answer; `onEnd(error)` comes once, when the session is over.
  constructor(address, instance, { onMessage, onEnd }) {
    this.onMessage = onMessage;
    this.onEnd = onEnd;
    this.instance = instance;
    this.limits = {};
    this.outbox = [];
    this.covered = []; // what waits for credit, in order
    this.waiting = new Map(); // id -> who waits for the answer
    this.nextId = 0;
    this.written = 0; // numbers given to messages written
    this.received = 0;
    this.unconfirmed = { messages: 0, bytes: 0 };
    this.credit = { messages: 0, bytes: 0 };
    this.spent = { messages: 0, bytes: 0 };
    this.granted = { ...WINDOW };
    this.heard = performance.now();
    this.confirming = null;
    this.over = null;
    this.client = new grpc.Client(address, grpc.credentials.createInsecure(), {
      'grpc.max_send_message_length': MAX_MESSAGE,
      'grpc.max_receive_message_length': MAX_MESSAGE,
      'grpc.use_local_subchannel_pool': 1,
    });
    this.stream = this.client.makeBidiStreamRequest('/parley.v1.BrokerService/Connect', (bytes) => bytes, (bytes) => bytes);
    this.stream.on('data', (bytes) => this.read(bytes));
    this.stream.on('error', (error) => this.end(failure('UNAVAILABLE', `the connection to ${address} ended: ${error.message}`)));
    this.stream.on('end', () => this.end(failure('UNAVAILABLE', `the broker at ${address} ended the connection`)));
  }

  async greet() {
    const hello = {
      min_version: 1, max_version: 1, instance_id: this.instance, producer_id: PRODUCER,
      sdk_name: 'parley-node-example', sdk_language: 'javascript', sdk_version: '0.1.0',
      kinds: kindNumbers(UNDERSTOOD),
    };
    const { body } = await this.ask({ hello });
    this.limits = body.limits ?? {};
    this.interval = body.heartbeat_interval_ms;
    // A third: often enough for the receipts too, which are due twice per interval (SES-8, SES-11).
    this.timer = setInterval(() => this.send({ heartbeat: {} }), Math.max(1, this.interval / 3));
  }

  // Sends it at once and resolves with the answer, or rejects with its error.
  ask(message) {
    return new Promise((resolve, reject) => {
      if (this.over) throw this.over;
      const id = ++this.nextId;
      this.waiting.set(id, { resolve, reject });
      this.send({ id, ...message });
    });
  }

  send(message) {
    if (this.over) return;
    this.outbox.push(message);
    this.flushSoon();
  }

  // As `ask`, for what spends credit: `build` is asked for the message when there is credit (so remaining times are those of
  // that moment), `size` is its envelope's. Returns a handle: `id` is 0 until it was written, and `forget` ends the waiting.
  askCovered(size, build, { resolve, reject }) {
    const entry = { id: 0, size, build, resolve, reject, forgotten: false };
    entry.forget = () => {
      entry.forgotten = true;
      if (entry.id) this.waiting.delete(entry.id);
    };
    this.covered.push(entry);
    this.spend();
    return entry;
  }

  // As `askCovered` without credit: a call in a handler may not wait for it (RPC-15).
  askAtOnce(build, { resolve, reject }) {
    const id = ++this.nextId;
    this.waiting.set(id, { resolve, reject });
    this.send({ id, ...build() });
    return { id, forget: () => this.waiting.delete(id) };
  }

  spend() {
    while (this.covered.length > 0) {
      const [entry] = this.covered;
      if (!entry.forgotten) {
        if (this.spent.messages >= this.credit.messages || this.spent.bytes >= this.credit.bytes) return;
        this.spent.messages += 1;
        this.spent.bytes += entry.size;
        entry.id = ++this.nextId;
        this.waiting.set(entry.id, entry);
        this.send({ id: entry.id, ...entry.build() });
      }
      this.covered.shift();
    }
  }

  // A covered message was taken up: the broker may send another one (FLOW-3).
  grant(size) {
    this.granted.messages += 1;
    this.granted.bytes += size;
    this.flushSoon();
  }

  // Resolves once the broker was heard of lately (SES-16); rejects when the session is over.
  confirm() {
    if (!this.confirming && this.silent()) {
      this.confirming = this.ask({ heartbeat: {} }).finally(() => { this.confirming = null; });
    }
    return this.confirming;
  }

  silent() {
    return performance.now() - this.heard >= 3 * this.interval;
  }

  flushSoon() {
    if (this.flushing || this.over) return;
    this.flushing = true;
    setImmediate(() => {
      this.flushing = false;
      if (!this.over) this.flush();
    });
  }

  flush() {
    do {
      const frame = {
        received: this.received, credit_messages: this.granted.messages, credit_bytes: this.granted.bytes, messages: [],
      };
      for (let size = 0; this.outbox.length > 0;) {
        const message = this.outbox[0];
        const bytes = encodeMessage(message);
        if (size > 0 && size + bytes.length > FRAME_BYTES) break;
        size += bytes.length;
        frame.messages.push(bytes);
        this.outbox.shift();
        if (Object.keys(message).some((member) => UNCOUNTED.has(member))) continue;
        this.written += 1;
        frame.first_seq ??= this.written;
      }
      this.unconfirmed = { messages: 0, bytes: 0 };
      this.stream.write(encodeFrame(frame));
    } while (this.outbox.length > 0);
  }

  read(bytes) {
    const frame = decodeFrame(bytes);
    // Before this frame counts as heard: what it brings may have waited while this program stood still.
    if (this.interval && this.silent()) this.confirm().catch(() => {});
    this.heard = performance.now();
    this.credit.messages = Math.max(this.credit.messages, frame.creditMessages);
    this.credit.bytes = Math.max(this.credit.bytes, frame.creditBytes);
    let seq = frame.firstSeq;
    for (const message of frame.messages) {
      if (!UNCOUNTED.has(message.kind)) {
        const mine = seq++;
        if (mine <= this.received) continue;
        if (mine > this.received + 1) {
          this.stream.cancel();
          return this.end(failure('INVALID_ARGUMENT', `number ${mine} came, ${this.received + 1} was expected`));
        }
        this.received = mine;
        this.unconfirmed.messages += 1;
      }
      this.take(message);
      if (this.over) return undefined;
    }
    this.unconfirmed.bytes += frame.size;
    this.spend();
    if (this.unconfirmed.messages >= RECEIPT.messages || this.unconfirmed.bytes >= RECEIPT.bytes) this.flushSoon();
    return undefined;
  }

  take(message) {
    const { id, re, kind, body, number } = message;
    if (re) {
      const waiting = this.waiting.get(re);
      this.waiting.delete(re);
      if (kind === 'error') waiting?.reject(fromWire(body, REASONS));
      else waiting?.resolve(message);
    } else if (kind === 'heartbeat') {
      if (id) this.send({ re: id, heartbeat: {} });
    } else if (kind === 'goodbye') {
      this.end(failure('UNAVAILABLE', `the broker said goodbye: ${body.reason}`));
    } else if (!UNDERSTOOD.includes(kind)) {
      const details = { kind: String(number) };
      if (id) this.send({ re: id, error: toWire(failure('INVALID_ARGUMENT', `no such kind here: ${number}`, { details })) });
    } else {
      this.onMessage(message);
    }
  }

  // Says goodbye, so that the broker keeps nothing of the session.
  close() {
    if (this.over) return;
    this.send({ goodbye: { reason: 'stopped' } });
    this.flush();
    this.stream.end();
    this.end(failure('UNAVAILABLE', 'the runtime was stopped'));
  }

  end(error) {
    if (this.over) return;
    this.over = error;
    clearInterval(this.timer);
    const unknown = failure('OUTCOME_UNKNOWN', `the session ended without an outcome: ${error.message}`);
    for (const entry of this.waiting.values()) entry.reject(this.interval ? unknown : error);
    for (const entry of this.covered) if (!entry.forgotten) entry.reject(error);
    // Not at once: what was written last is still to go out.
    setTimeout(() => this.client.close(), 200).unref();
    this.onEnd(error);
  }
}
