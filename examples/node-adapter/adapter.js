// The adapter: does what the kit commands and reports what it saw (conformance/adapters/PROTOCOL.md).
import net from 'node:net';
import { ParleyError } from './client/errors.js';
import { parse, print } from './client/json.js';
import { Runtime } from './client/runtime.js';
import { HANDLES, ProbeAgent } from './probe/agent.js';
import { Codec, outgoing } from './probe/messages.js';

const CAPABILITIES = [
  'json', 'probe', 'probe_v2', 'probe_wide', 'versioned', 'stateless', 'pinned', 'prefix', 'ephemeral', 'wait_for_ready', 'cancel',
  'block', 'several_runtimes',
];
const HELLO = { sdk: 'parley-node-example', version: '0.1.0', language: 'node', pid: process.pid, capabilities: CAPABILITIES };
// Nothing, as parts of `core` are missing: claimed, each of them would be a failure.
const PROFILES = [];

class Unsupported extends Error {}

function errorOf(error) {
  if (!(error instanceof ParleyError)) {
    return { reason: '', message: `${error?.name}: ${error?.message}`, retryable: false, may_have_run: true, details: {} };
  }
  const { reason, message, retryable, mayHaveRun, details } = error;
  return { reason, message, retryable, may_have_run: mayHaveRun, details };
}

class Adapter {
  constructor(socket) {
    this.socket = socket;
    this.observed = 0;
    this.runtimes = new Map();
    this.codecs = new Map();
    this.tokens = new Map(); // label of a call or publish -> AbortController
    this.gates = new Map();
  }

  write(line) {
    this.socket.write(`${print(line)}\n`);
  }

  observe(rt, obs, members) {
    this.observed += 1;
    this.write({ obs, i: this.observed, rt, t_ms: performance.now(), ...members });
  }

  // Never waits: a command that takes time runs beside the reading.
  async take(line) {
    const command = parse(line);
    const { n, cmd } = command;
    try {
      const run = Object.hasOwn(Adapter.COMMANDS, cmd) && Adapter.COMMANDS[cmd];
      if (!run) throw new Unsupported(`no such command: ${cmd}`);
      this.write({ re: n, ok: (await run.call(this, command)) ?? {} });
    } catch (error) {
      if (error instanceof Unsupported) this.write({ re: n, unsupported: error.message });
      else this.write({ re: n, error: { reason: errorOf(error).reason, message: errorOf(error).message } });
    }
  }

  gate(name) {
    if (!this.gates.has(name)) {
      const gate = {};
      gate.opened = new Promise((resolve) => { gate.open = resolve; });
      this.gates.set(name, gate);
    }
    return this.gates.get(name);
  }

  // Observes how a call or publish ends, and ends alike.
  async outcome(rt, label, ending, published = false) {
    try {
      const result = await ending;
      const reply = result ? { type: result.typeName, value: result.value } : null;
      this.observe(rt, 'outcome', published ? { label, published: true } : { label, reply });
      return result;
    } catch (error) {
      this.observe(rt, 'outcome', { label, error: errorOf(error) });
      throw error;
    }
  }

  send({ rt, label, message }, begin, published) {
    const sent = outgoing(message);
    if (!sent) throw new Unsupported(`no such message type: ${message.type}`);
    const token = new AbortController();
    this.tokens.set(label, token);
    const ending = this.outcome(rt, label, begin(this.runtime(rt), sent, token.signal), published);
    ending.catch(() => {}).finally(() => this.tokens.delete(label));
  }

  runtime(rt) {
    if (!this.runtimes.has(rt)) throw new Error(`no such runtime: ${rt}`);
    return this.runtimes.get(rt);
  }

  static COMMANDS = {
    hello({ protocol }) {
      if (protocol !== 1) throw new Unsupported(`protocol ${protocol}`);
      return { ...HELLO, profiles: PROFILES };
    },

    ping() {},

    async start({ rt, url, instance, content_type: contentType = 'json', default_timeout_ms: timeoutMs, connect_timeout_ms: connectTimeoutMs }) {
      if (contentType !== 'json') throw new Unsupported(`content type ${contentType}`);
      const codec = new Codec();
      const onState = (state, reason) => this.observe(rt, 'session', { state, reason });
      const runtime = new Runtime({ url, instance, codec, timeoutMs, connectTimeoutMs, onState });
      await runtime.start();
      this.runtimes.set(rt, runtime);
      this.codecs.set(rt, codec);
    },

    async register({ rt, type, behaviour, keys }) {
      if (!Object.hasOwn(HANDLES, behaviour)) throw new Unsupported(`no such behaviour: ${behaviour}`);
      const runtime = this.runtime(rt);
      if (behaviour === 'probe_v2') this.codecs.get(rt).newestVersion = 2;
      const kit = {
        observe: (obs, members) => this.observe(rt, obs, members),
        outcome: (...rest) => this.outcome(rt, ...rest),
        gate: (name) => this.gate(name).opened,
      };
      const make = (id) => new ProbeAgent(id, runtime, kit);
      await runtime.register(type, { make, handles: HANDLES[behaviour], stateless: behaviour === 'stateless', keys });
    },

    async subscribe({ rt, topic, match, type, durable = true }) {
      return { id: await this.runtime(rt).subscribe({ topic, prefix: match === 'prefix', type, durable }) };
    },

    unsubscribe({ rt, id }) {
      return this.runtime(rt).unsubscribe(id);
    },

    call(command) {
      const { to, timeout_ms: timeoutMs, wait_for_ready: waitForReady } = command;
      if (command.idempotency_key) throw new Unsupported('idempotency_key');
      this.send(command, (runtime, message, signal) => runtime.call({ to, message, timeoutMs, waitForReady, signal }));
    },

    publish(command) {
      const { topic, ephemeral, event_id: eventId } = command;
      this.send(command, (runtime, message, signal) => runtime.publish({ topic, message, ephemeral, eventId, signal }), true);
    },

    cancel({ label }) {
      this.tokens.get(label)?.abort();
    },

    release({ gate }) {
      this.gate(gate).open();
    },

    stop({ rt }) {
      return this.runtime(rt).stop();
    },
  };
}

const [, host, port] = /^(.*):(\d+)$/.exec(process.env.PARLEY_KIT ?? '') ?? [];
if (!port) throw new Error('PARLEY_KIT names HOST:PORT of the kit that starts this adapter');
const socket = net.connect(Number(port), host.replace(/^\[(.*)\]$/, '$1'));
const adapter = new Adapter(socket);
socket.setNoDelay(true);

// Lines may be many megabytes: what came of one is joined once, when it is complete.
let parts = [];
socket.on('data', (bytes) => {
  let from = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, from)) {
    parts.push(bytes.subarray(from, at));
    adapter.take(Buffer.concat(parts).toString());
    parts = [];
    from = at + 1;
  }
  parts.push(bytes.subarray(from));
});
// The kit has hung up: end at once, drain nothing.
socket.on('close', () => process.exit(0));
socket.on('error', () => process.exit(0));
