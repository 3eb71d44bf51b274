// The worker's half: agents that this session hosts, what is dispatched to them, and how it is answered.
import { failure, ParleyError, toWire } from './errors.js';
import { printAgent, printTopic } from './ids.js';
import { envelopeOf } from './outgoing.js';
import { decodeEnvelope } from './wire.js';

const EVENT_LIMIT = 10 * 60 * 1000; // DLV-9

// What a handler raised, as the wire has it (RPC-6).
function handlerFailed(agent, error) {
  const details = {
    agent: printAgent(agent), exception_type: error?.name ?? typeof error, exception_message: error?.message ?? String(error),
  };
  return failure('HANDLER_FAILED', `the handler of ${details.agent} raised ${details.exception_type}`, { details });
}

export class Hosting {
  constructor(runtime) {
    this.runtime = runtime;
    this.types = new Map(); // agent type -> {make, handles, stateless}
    this.agents = new Map(); // printed id -> what is placed here
    this.calls = new Map(); // id of the Request -> AbortController
  }

  take({ id, kind, body }) {
    const { session } = this.runtime;
    if (kind === 'activate') session.send({ re: id, ...this.activate(body) });
    else if (kind === 'deactivate') {
      this.agents.delete(printAgent(body.agent));
      session.send({ re: id, done: {} });
    } else if (kind === 'request') this.request(id, body);
    else if (kind === 'cancel') this.calls.get(Number(body.request_id))?.abort('cancel');
    else if (kind === 'delivery') this.delivery(body);
  }

  activate({ agent, epoch }) {
    if (!this.types.has(agent.type)) return { error: toWire(this.notActive(agent)) };
    this.agents.set(printAgent(agent), this.make(agent, epoch));
    return { done: {} };
  }

  make(agent, epoch) {
    const { make, handles, stateless } = this.types.get(agent.type);
    return { id: agent, epoch, handles, stateless, program: make(printAgent(agent)), queue: [], running: null, round: 0 };
  }

  notActive(agent) {
    const details = { agent: printAgent(agent) };
    return failure('ACTIVATION_FAILED', `${details.agent} is not hosted here`, { details });
  }

  // A stateless agent has no place: each message gets one of its own (AGT-4).
  find(id) {
    return this.types.get(id.type)?.stateless ? this.make(id, 0) : this.agents.get(printAgent(id));
  }

  async request(id, request) {
    const { session, codec } = this.runtime;
    const token = new AbortController();
    const timed = Object.hasOwn(request, 'timeout_ms');
    const deadline = timed ? performance.now() + request.timeout_ms : null;
    this.calls.set(id, token);
    const timer = timed && setTimeout(() => token.abort('deadline'), Math.min(request.timeout_ms, 2 ** 31 - 1));
    const takenUp = () => request.call_chain.length === 0 && session.grant(request.envelope.length);
    let answer;
    try {
      await session.confirm();
      takenUp();
      const agent = this.find(request.target);
      if (!agent) throw this.notActive(request.target);
      const { payload } = decodeEnvelope(request.envelope);
      const message = this.decode(agent, payload);
      const context = { agent: agent.id, epoch: agent.epoch, chain: request.call_chain, deadline, signal: token.signal };
      const delivery = {
        kind: 'rpc', payload, attempt: request.attempt || 1, deadline, sender: request.sender && printAgent(request.sender), topic: null,
      };
      const result = await this.run(agent, message, delivery, context, token);
      answer = { reply: { envelope: this.result(agent, codec, result, session.limits) } };
    } catch (error) {
      answer = { error: toWire(error) };
    } finally {
      clearTimeout(timer);
      this.calls.delete(id);
    }
    session.send({ re: id, ...answer });
  }

  result(agent, codec, result, limits) {
    try {
      return envelopeOf(codec, result, limits);
    } catch (error) {
      // It has run by now, whatever the flags of such an error are elsewhere.
      if (error.reason !== 'PAYLOAD_TOO_LARGE') throw handlerFailed(agent.id, error);
      error.mayHaveRun = true;
      throw error;
    }
  }

  decode(agent, payload) {
    const details = { type_name: payload?.type_name ?? '', understood: agent.handles.join(', ') };
    if (!payload || !agent.handles.includes(payload.type_name)) {
      // What some agent of this worker handles is known here (RPC-13).
      const known = payload && [...this.types.values()].some(({ handles }) => handles.includes(payload.type_name));
      const reason = known ? 'UNHANDLED_MESSAGE' : 'UNKNOWN_MESSAGE_TYPE';
      throw failure(reason, `${details.type_name} is not handled here, but ${details.understood}`, { details });
    }
    try {
      return this.runtime.codec.decode(payload);
    } catch (error) {
      Object.assign(error.details, details);
      throw error;
    }
  }

  async run(agent, message, delivery, context, token) {
    try {
      return await agent.program.handle(message, delivery, context);
    } catch (error) {
      // Only a cancellation that the token asked for is one; a handler that cancels itself has failed (RPC-6).
      if (error?.name !== 'AbortError' || !token.signal.aborted) throw handlerFailed(agent.id, error);
      const reason = token.signal.reason === 'cancel' ? 'CANCELLED' : 'DEADLINE_EXCEEDED';
      throw failure(reason, `the handler of ${printAgent(agent.id)} was cancelled`);
    }
  }

  delivery(event) {
    const { session } = this.runtime;
    const agent = this.find(event.recipient);
    const entry = { event, position: Number(event.position), round: Number(event.round), size: event.envelope.length };
    if (!agent) {
      session.grant(entry.size);
      if (entry.position) this.settle(entry, { error: toWire(this.notActive(event.recipient)) });
      return;
    }
    if (entry.position && !agent.stateless) {
      if (entry.round < agent.round) return session.grant(entry.size);
      this.newRound(agent, entry.round, entry.position);
      if (agent.running?.position === entry.position) {
        // Given again while it runs: only to be settled under the new epoch and round (DLV-4).
        Object.assign(agent.running, entry);
        return session.grant(entry.size);
      }
    }
    agent.queue.push(entry);
    this.next(agent);
  }

  // What waits of older rounds comes again (DLV-4).
  newRound(agent, round, position) {
    if (round <= agent.round) return;
    agent.round = round;
    const [dropped, kept] = [[], []];
    for (const entry of agent.queue) {
      (entry.position >= position && entry.round < round ? dropped : kept).push(entry);
    }
    agent.queue = kept;
    for (const entry of dropped) this.runtime.session.grant(entry.size);
  }

  // One event at a time, in order (AGT-3).
  async next(agent) {
    if (agent.running || agent.queue.length === 0) return;
    const entry = agent.queue.shift();
    agent.running = entry;
    const settlement = await this.handleEvent(agent, entry);
    agent.running = null;
    if (settlement && entry.position) this.settle(entry, settlement);
    if (settlement?.error && entry.position && !agent.stateless) this.newRound(agent, entry.round + 1, entry.position);
    this.next(agent);
  }

  // Resolves with what to say of it: {} done, {ignored}, {error}; null: the session is over.
  async handleEvent(agent, entry) {
    const { session } = this.runtime;
    const { event } = entry;
    const token = new AbortController();
    const timer = setTimeout(() => token.abort('limit'), EVENT_LIMIT);
    try {
      await session.confirm();
    } catch {
      clearTimeout(timer);
      return null;
    }
    session.grant(entry.size);
    try {
      const { payload } = decodeEnvelope(event.envelope);
      const message = this.decode(agent, payload);
      const context = { agent: agent.id, epoch: agent.epoch, chain: [], deadline: null, signal: token.signal };
      const delivery = {
        kind: 'event', payload, attempt: event.attempt || 1, deadline: null, sender: event.sender && printAgent(event.sender),
        topic: printTopic(event.topic),
      };
      await this.run(agent, message, delivery, context, token);
      return {};
    } catch (error) {
      const raised = error instanceof ParleyError ? error : failure('INTERNAL', String(error));
      if (['UNKNOWN_MESSAGE_TYPE', 'UNHANDLED_MESSAGE'].includes(raised.reason)) return { ignored: true };
      return { error: toWire(raised) };
    } finally {
      clearTimeout(timer);
    }
  }

  settle({ event, position, round }, settlement) {
    const told = { recipient: event.recipient, epoch: event.epoch, position, round, ...settlement };
    const kind = settlement.error ? 'nack' : 'ack';
    // A refusal changes nothing here: the broker delivers again what it does not know to be settled.
    this.runtime.session.ask({ [kind]: told }).catch((error) => console.warn(`${kind} was refused: ${error.message}`));
  }
}
