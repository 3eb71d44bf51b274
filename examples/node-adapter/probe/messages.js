// The messages of the kit's agents and their canonical JSON (PROTOCOL.md, Messages).
import { failure } from '../client/errors.js';
import { parse, print } from '../client/json.js';

const DEEPEST = 64; // JSON-13
const MIN_INT = -(2n ** 63n);
const MAX_INT = 2n ** 63n - 1n;

const text = { name: 'text', initial: () => '', is: (value) => typeof value === 'string' };
const flag = { name: 'true or false', initial: () => false, is: (value) => typeof value === 'boolean' };
const whole = {
  name: 'a whole number of 64 bits',
  initial: () => 0,
  is: (value) => Number.isSafeInteger(value) || (typeof value === 'bigint' && value >= MIN_INT && value <= MAX_INT),
};
const required = (type) => ({ ...type, initial: null });
const listOf = (members) => ({ name: 'a list', initial: () => [], is: Array.isArray, of: members });
const orNull = (members) => ({ name: 'a message or null', initial: () => null, is: (value) => value === null || isObject(value), of: members });

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

const STEP = { op: required(text), text, how: text, number: whole, to: text, message: null, timeout_ms: whole, catch: flag };
const PROBE = { label: text, do: listOf(STEP), pad: text };
STEP.message = orNull(PROBE);
const PROBE_V2 = { ...PROBE, note: text };
const RESULT = { label: required(text) };

// The type of a command -> the name on the wire and the members.
const COMMANDS = {
  probe: ['probe_v1', PROBE],
  probe_v2: ['probe_v2', PROBE_V2],
  probe_wide: ['probe_v1', PROBE_V2],
  versioned: ['versioned_probe', { version: { ...whole, initial: () => 1 }, ...PROBE }],
  stranger: ['ProbeStranger', RESULT],
};

// What can be read, by the name on the wire.
const READ = new Map([
  ['probe_v1', PROBE],
  ['probe_v2', PROBE_V2],
  ['versioned_probe', COMMANDS.versioned[1]],
  ['ProbeReply', { ...RESULT, value: text, count: whole, agent: text }],
  ['ProbeRefused', { ...RESULT, value: text }],
  ['ProbeStranger', RESULT],
]);

// The members in their form: defaults filled in, unknown ones left out, others refused by name (JSON-4, JSON-14).
function shape(value, members, reason, path = '', depth = 1) {
  const refuse = (member, why) => {
    throw failure(reason, `${member}: ${why}`, { details: { member } });
  };
  if (!isObject(value)) refuse(path || 'the message', 'an object was expected');
  if (depth > DEEPEST) refuse(path, `nested deeper than ${DEEPEST}`);
  const shaped = {};
  for (const [name, type] of Object.entries(members)) {
    const member = path ? `${path}.${name}` : name;
    const given = value[name];
    if (given === undefined) {
      if (!type.initial) refuse(member, 'it is missing');
      shaped[name] = type.initial();
    } else if (!type.is(given)) refuse(member, `${type.name} was expected`);
    else if (typeof given === 'string' && !given.isWellFormed()) refuse(member, 'a lone surrogate is no text');
    else if (Array.isArray(given)) shaped[name] = given.map((item, i) => shape(item, type.of, reason, `${member}[${i}]`, depth + 2));
    else shaped[name] = type.of && given ? shape(given, type.of, reason, member, depth + 1) : given;
  }
  return shaped;
}

export function outgoing({ type, value }) {
  if (!Object.hasOwn(COMMANDS, type)) return null;
  const [typeName, members] = COMMANDS[type];
  return { typeName, value, members };
}

export const reply = (typeName, value) => ({ typeName, value, members: READ.get(typeName) });

export class Codec {
  constructor() {
    // Of `versioned_probe`: said by what the runtime hosts.
    this.newestVersion = 1;
  }

  encode(message) {
    if (!message?.members) throw failure('INVALID_ARGUMENT', 'this is no message');
    const value = shape(message.value, message.members, 'INVALID_ARGUMENT');
    return { type_name: message.typeName, content_type: 'application/json', data: Buffer.from(print(value)) };
  }

  decode(payload) {
    const { type_name: typeName, content_type: contentType } = payload;
    const refuse = (reason, why) => {
      throw failure(reason, `${typeName}: ${why}`, { details: { type_name: typeName, understood: [...READ.keys()].join(', ') } });
    };
    if (contentType !== 'application/json') refuse('UNKNOWN_MESSAGE_TYPE', `${contentType} is not understood, application/json is`);
    if (!READ.has(typeName)) refuse('UNKNOWN_MESSAGE_TYPE', `add it to the messages of this program`);
    let read;
    try {
      read = parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload.data));
    } catch {
      refuse('MALFORMED_PAYLOAD', 'this is no JSON');
    }
    const value = shape(read, READ.get(typeName), 'MALFORMED_PAYLOAD');
    if (value.version < 1 || value.version > this.newestVersion) {
      refuse('UNSUPPORTED_VERSION', `version ${value.version}, understood are 1 to ${this.newestVersion}`);
    }
    return { typeName, value };
  }
}
