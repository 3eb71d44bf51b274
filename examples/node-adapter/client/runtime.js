// What a program has of the client: connect, host, subscribe, send, stop.
import { randomUUID } from 'node:crypto';
import { failure } from './errors.js';
import { Hosting } from './hosting.js';
import { checkAgentType, checkKey, checkTopicType, parseAddresses } from './ids.js';
import * as outgoing from './outgoing.js';
import { Session } from './session.js';

const DEFAULT_TIMEOUT = 120_000;
const CONNECT_TIMEOUT = 10_000;
const PAUSE = 200;
const DRAIN = 5_000;
const MODE = { standard: 'AGENT_MODE_STANDARD', stateless: 'AGENT_MODE_STATELESS' };

const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

export class Runtime {
  // `codec` has encode(message) -> payload and decode(payload) -> message; `onState(state, reason)` is told of `connected` and
  // `closed`.
  constructor({ url, instance, codec, timeoutMs = DEFAULT_TIMEOUT, connectTimeoutMs = CONNECT_TIMEOUT, onState }) {
    this.addresses = parseAddresses(url);
    this.instance = instance || `node-${randomUUID()}`;
    this.codec = codec;
    this.timeoutMs = timeoutMs;
    this.connectTimeoutMs = connectTimeoutMs;
    this.onState = onState;
    this.hosting = new Hosting(this);
    this.subscriptions = new Map();
  }

  async start() {
    const ends = performance.now() + this.connectTimeoutMs;
    for (let turn = 0; ; turn += 1) {
      const address = this.addresses[turn % this.addresses.length];
      try {
        await this.connect(address, ends - performance.now());
        return;
      } catch (error) {
        // What was refused for what it is would be refused again.
        if (error.reason !== 'UNAVAILABLE' || performance.now() + PAUSE > ends) throw error;
        await wait(PAUSE);
      }
    }
  }

  async connect(address, left) {
    let greeted = false;
    const session = new Session(address, this.instance, {
      onMessage: (message) => this.hosting.take(message),
      onEnd: (error) => greeted && this.onState('closed', error.message),
    });
    const late = () => session.end(failure('UNAVAILABLE', `no answer from ${address} within the connect timeout`));
    const timer = setTimeout(late, Math.max(1, left));
    try {
      await session.greet();
    } catch (error) {
      session.end(error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
    greeted = true;
    this.session = session;
    this.onState('connected', '');
  }

  // `make(id)` makes an agent: {handle(message, delivery, context)}; `handles`: the names of the types that they take.
  async register(type, { make, handles, stateless = false, keys = [] }) {
    checkAgentType(type);
    keys.forEach((key) => checkKey(key));
    const before = this.hosting.types.get(type);
    // First: messages may come before the answer does.
    this.hosting.types.set(type, { make, handles, stateless });
    try {
      const mode = stateless ? MODE.stateless : MODE.standard;
      await this.session.ask({ register_agent_type: { type, mode, pinned_keys: keys } });
    } catch (error) {
      if (before) this.hosting.types.set(type, before);
      else this.hosting.types.delete(type);
      throw error;
    }
  }

  async subscribe({ topic, prefix, type, durable }) {
    checkTopicType(topic);
    checkAgentType(type);
    const match = prefix ? 'TOPIC_MATCH_PREFIX' : 'TOPIC_MATCH_EXACT';
    const subscription = { topic_type: topic, match, agent_type: type, durable };
    await this.session.ask({ subscribe: { subscription } });
    const id = randomUUID();
    this.subscriptions.set(id, subscription);
    return id;
  }

  async unsubscribe(id) {
    const subscription = this.subscriptions.get(id);
    if (!subscription) throw failure('NOT_FOUND', `no such subscription: ${id}`);
    await this.session.ask({ unsubscribe: { subscription } });
    this.subscriptions.delete(id);
  }

  call(options) {
    return outgoing.call(this, options);
  }

  publish(options) {
    return outgoing.publish(this, options);
  }

  // Hands over what it was given, for a while, then goes (DRN-2).
  async stop() {
    if (this.hosting.types.size > 0 && !this.session.over) {
      const drained = this.session.ask({ drain: { timeout_ms: DRAIN, reason: 'stopped' } }).catch(() => {});
      await Promise.race([drained, wait(DRAIN)]);
    }
    this.session.close();
  }
}
