// The contract's messages as plain objects, and their bytes.
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const PROTO = fileURLToPath(new URL('../../../proto/', import.meta.url));
const root = new protobuf.Root();
root.resolvePath = (_, path) => (path.startsWith('/') ? path : PROTO + path);
root.loadSync('parley/v1/broker_service.proto', { keepCase: true });
// The same bytes as Frame with the messages left encoded, so that an unknown kind can still be named (MSG-4).
root.define('local').add(
  protobuf.Type.fromJSON('Frame', {
    fields: {
      first_seq: { type: 'uint64', id: 1 },
      received: { type: 'uint64', id: 2 },
      credit_messages: { type: 'uint64', id: 3 },
      credit_bytes: { type: 'uint64', id: 4 },
      messages: { rule: 'repeated', type: 'bytes', id: 5 },
    },
  }),
);

const Frame = root.lookupType('local.Frame');
const Message = root.lookupType('parley.v1.Message');
const Envelope = root.lookupType('parley.v1.Envelope');

export const REASONS = root.lookupEnum('parley.v1.ErrorReason').valuesById;
export const MAX_MESSAGE = 65 * 1024 * 1024;
// Not numbered (SES-7).
export const UNCOUNTED = new Set(['hello', 'welcome', 'heartbeat']);

export function kindNumbers(names) {
  return names.map((name) => Message.fields[name].id);
}

const encode = (type, value) => Buffer.from(type.encode(type.fromObject(value)).finish());
export const encodeMessage = (value) => encode(Message, value);
export const encodeFrame = (value) => encode(Frame, value);
export const encodeEnvelope = (value) => encode(Envelope, value);
export const decodeEnvelope = (bytes) => Envelope.decode(bytes);

// Counts and ids are far below 2^53; epochs are not, and stay as they came.
const number = (value) => Number(value);

export function decodeFrame(bytes) {
  const frame = Frame.decode(bytes);
  return {
    firstSeq: number(frame.first_seq),
    received: number(frame.received),
    creditMessages: number(frame.credit_messages),
    creditBytes: number(frame.credit_bytes),
    messages: frame.messages.map(decodeMessage),
    size: bytes.length,
  };
}

function decodeMessage(bytes) {
  const message = Message.decode(bytes);
  const kind = message.kind;
  return {
    id: number(message.id), re: number(message.re), kind: kind ?? '', number: kindNumber(bytes), body: kind ? message[kind] : null,
  };
}

function kindNumber(bytes) {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 > 9) return tag >>> 3;
    reader.skipType(tag & 7);
  }
  return 0;
}
