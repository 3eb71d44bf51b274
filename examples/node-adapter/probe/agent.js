// What the kit's agents do: the steps that travel in the message (PROTOCOL.md, Ops).
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../client/errors.js';
import { outgoing, reply } from './messages.js';

class ProbeFailure extends Error {
  name = 'ProbeFailure';
}

const cancellation = () => new DOMException('cancelled', 'AbortError');
// Behaviour -> the types that it handles.
export const HANDLES = {
  probe: ['probe_v1', 'versioned_probe'],
  stateless: ['probe_v1', 'versioned_probe'],
  probe_v2: ['probe_v1', 'probe_v2', 'versioned_probe'],
};

export class ProbeAgent {
  // `kit` has observe(kind, members) and gate(name), of the runtime that hosts it.
  constructor(id, runtime, kit) {
    this.id = id;
    this.runtime = runtime;
    this.kit = kit;
    this.count = 0n;
  }

  async handle({ value }, delivery, context) {
    const { label } = value;
    const { signal } = context;
    const left = delivery.deadline === null ? null : Math.max(0, Math.round(delivery.deadline - performance.now()));
    const { kind, attempt, sender, topic, payload } = delivery;
    this.kit.observe('enter', {
      label, agent: this.id, kind, type_name: payload.type_name, content_type: 'json', attempt, deadline_left_ms: left,
      sender: sender ?? null, topic,
    });
    const fired = () => this.kit.observe('cancelled', { label, agent: this.id });
    if (signal.aborted) fired();
    else signal.addEventListener('abort', fired, { once: true });
    let how = 'returned';
    try {
      return await this.play(value, delivery, context);
    } catch (error) {
      how = error.name === 'AbortError' && signal.aborted ? 'cancelled' : 'raised';
      throw error;
    } finally {
      signal.removeEventListener('abort', fired);
      this.kit.observe('leave', { label, agent: this.id, how });
    }
  }

  async play(value, delivery, context) {
    let last = '';
    for (const step of value.do) {
      switch (step.op) {
        case 'reply':
          return this.reply(value.label, step, last);
        case 'fail':
          throw step.how === 'cancel' ? cancellation() : new ProbeFailure(step.text);
        case 'fail_until':
          if (delivery.attempt < step.number) throw new ProbeFailure(step.text);
          break;
        case 'gate':
          await until(this.kit.gate(step.text), context.signal);
          break;
        case 'sleep':
          await sleep(Number(step.number), undefined, { signal: context.signal });
          break;
        case 'block':
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(step.number));
          break;
        case 'add':
          this.count += BigInt(step.number);
          break;
        case 'call':
          last = await this.call(step, context);
          break;
        case 'publish':
          await this.publish(step, context);
          break;
        default:
          throw failure('INVALID_ARGUMENT', `no such op: ${step.op}`);
      }
    }
    return delivery.kind === 'rpc' ? this.reply(value.label, { text: '', how: '' }, last) : null;
  }

  reply(label, { text, how }, last) {
    if (how === 'null') return null;
    if (how === 'refused') return reply('ProbeRefused', { label, value: text });
    if (how === 'stranger') return reply('ProbeStranger', { label });
    if (how === 'unencodable') return () => 0;
    const count = Number.isSafeInteger(Number(this.count)) ? Number(this.count) : this.count;
    return reply('ProbeReply', { label, value: how === 'last' ? last : text, count, agent: this.id });
  }

  async call(step, context) {
    const sent = {
      to: step.to, message: outgoing({ type: 'probe', value: step.message }), timeoutMs: step.timeout_ms || undefined,
      signal: context.signal, context,
    };
    try {
      const result = await this.kit.outcome(step.message.label, this.runtime.call(sent));
      return result?.value.value ?? '';
    } catch (error) {
      if (step.catch) return error.reason;
      throw ended(error, context.signal);
    }
  }

  async publish(step, context) {
    const message = outgoing({ type: 'probe', value: step.message });
    try {
      await this.kit.outcome(step.message.label, this.runtime.publish({ topic: step.to, message, signal: context.signal, context }), true);
    } catch (error) {
      throw ended(error, context.signal);
    }
  }
}

// A call that the handler's own token ended: that is the handler's cancellation.
function ended(error, signal) {
  return error.reason === 'CANCELLED' && signal.aborted ? cancellation() : error;
}

function until(opened, signal) {
  return new Promise((resolve, reject) => {
    const fired = () => reject(cancellation());
    if (signal.aborted) fired();
    signal.addEventListener('abort', fired, { once: true });
    opened.then(() => {
      signal.removeEventListener('abort', fired);
      resolve();
    });
  });
}
