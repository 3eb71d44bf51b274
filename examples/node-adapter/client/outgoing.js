// Calls and publishes: one outcome each, whatever the broker does.
import { randomUUID } from 'node:crypto';
import { failure } from './errors.js';
import { parseAgent, parseTopic, printTopic } from './ids.js';
import { decodeEnvelope, encodeEnvelope } from './wire.js';

const LONGEST = 2 ** 31 - 1; // of a timer
const DEEPEST = 31; // agents of a call chain (RPC-10)
const WARN_EVERY = 10_000;
let warned = -WARN_EVERY;
let producerSeq = 0;

export function envelopeOf(codec, message, limits) {
  const payload = message === null ? null : codec.encode(message);
  const envelope = encodeEnvelope({ message_id: randomUUID(), ...(payload && { payload }) });
  const limit = Number(limits.max_envelope_bytes ?? 0);
  if (limit && envelope.length > limit) {
    const details = { size: String(envelope.length), limit: String(limit) };
    throw failure('PAYLOAD_TOO_LARGE', `the envelope has ${envelope.length} bytes, allowed are ${limit}`, { details });
  }
  return envelope;
}

// What is left of `timeoutMs`, of the outer call's time and of the longest that the broker allows, and which one it is.
function limitOf({ timeoutMs, defaultMs, context, longestMs }) {
  const limits = [[timeoutMs ?? defaultMs, timeoutMs === undefined ? 'the default timeout' : "the call's timeout"]];
  if (context?.deadline != null) limits.push([context.deadline - performance.now(), 'what was left of the outer call']);
  if (longestMs) limits.push([longestMs, "the broker's longest timeout"]);
  const [ms, name] = limits.reduce((a, b) => (b[0] < a[0] ? b : a));
  return { ms: Math.max(0, ms), text: `${name}, ${Math.max(0, Math.round(ms))} ms, is up` };
}

// `context` is the handler that sends: {agent, epoch, chain, deadline, signal}.
const senderOf = (context) => (context ? { sender: context.agent, sender_epoch: context.epoch } : {});

// Runs one exchange to its end: the answer, the time, or the token, whichever comes first.
function exchange({ session, covered, size, build, limit, signal, late, onForgotten }) {
  return new Promise((resolve, reject) => {
    const done = (settle, value) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancelled);
      settle(value);
    };
    const settlers = { resolve: (message) => done(resolve, message), reject: (error) => done(reject, error) };
    const leave = (reason, text) => {
      const sent = Boolean(entry?.id);
      entry?.forget();
      if (sent) onForgotten(entry.id);
      settlers.reject(failure(sent && reason === 'DEADLINE_EXCEEDED' ? late : reason, text, sent ? {} : { mayHaveRun: false }));
    };
    const cancelled = () => leave('CANCELLED', 'the caller cancelled');
    const ends = performance.now() + limit.ms;
    const timer = setTimeout(() => leave('DEADLINE_EXCEEDED', limit.text), Math.min(limit.ms, LONGEST));
    let entry = null;
    if (session.over) return settlers.reject(session.over);
    if (signal?.aborted) return cancelled();
    signal?.addEventListener('abort', cancelled);
    const left = () => Math.max(0, Math.round(ends - performance.now()));
    entry = covered ? session.askCovered(size, () => build(left()), settlers) : session.askAtOnce(() => build(left()), settlers);
    return undefined;
  });
}

export async function call(runtime, { to, message, timeoutMs, waitForReady = false, signal, context }) {
  const { session, codec } = runtime;
  const target = parseAgent(to);
  const chain = context ? [...context.chain, context.agent] : [];
  if (chain.length > DEEPEST) {
    const details = { depth: String(chain.length), limit: String(DEEPEST) };
    throw failure('RESOURCE_EXHAUSTED', `${chain.length} agents wait for this call, allowed are ${DEEPEST}`, { details, retryable: false });
  }
  const envelope = envelopeOf(codec, message, session.limits);
  const build = (left) => ({
    request: { target, ...senderOf(context), timeout_ms: left, wait_for_ready: waitForReady, call_chain: chain, envelope },
  });
  const answer = await exchange({
    session, build, signal,
    covered: chain.length === 0,
    size: envelope.length,
    limit: limitOf({ timeoutMs, defaultMs: runtime.timeoutMs, context, longestMs: session.limits.max_call_timeout_ms }),
    late: 'DEADLINE_EXCEEDED',
    onForgotten: (id) => session.send({ cancel: { request_id: id } }),
  });
  const { payload } = decodeEnvelope(answer.body.envelope);
  if (!payload) return null;
  try {
    return codec.decode(payload);
  } catch (error) {
    error.mayHaveRun = true; // of a reply, by the table of ERR
    throw error;
  }
}

export async function publish(runtime, { topic, message, ephemeral = false, eventId = '', signal, context }) {
  const { session, codec } = runtime;
  const id = parseTopic(topic);
  const envelope = envelopeOf(codec, message, session.limits);
  const build = () => ({
    publish: { topic: id, ...senderOf(context), producer_seq: ephemeral ? 0 : ++producerSeq, event_id: eventId, ephemeral, envelope },
  });
  const answer = await exchange({
    session, build, signal,
    covered: true,
    size: envelope.length,
    limit: limitOf({ defaultMs: runtime.timeoutMs, context }),
    late: 'OUTCOME_UNKNOWN',
    onForgotten: () => {},
  });
  if (answer.body.recipients === 0 && performance.now() - warned > WARN_EVERY) {
    warned = performance.now();
    console.warn(`nobody subscribes to ${printTopic(id)}`);
  }
}
