// Names of agents and topics, and addresses of brokers (ID-1 to ID-3).
import { failure } from './errors.js';

const AGENT_TYPE = /^[A-Za-z0-9_.-]+$/;
const TOPIC_TYPE = /^[A-Za-z0-9_.:=-]+$/;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

function refuse(field, text, allowed) {
  throw failure('INVALID_ARGUMENT', `${field} ${JSON.stringify(text)}: ${allowed}`, { details: { field } });
}

function checkType(field, text, pattern) {
  if (!pattern.test(text) || text.length > 255) refuse(field, text, `allowed are 1 to 255 bytes of ${pattern.source}`);
}

export function checkAgentType(text) {
  checkType('type', text, AGENT_TYPE);
}

export function checkTopicType(text) {
  checkType('topic_type', text, TOPIC_TYPE);
}

export function checkKey(text, field = 'key') {
  const sound = text !== '' && text.isWellFormed() && !CONTROL.test(text) && Buffer.byteLength(text) <= 1024;
  if (!sound) refuse(field, text, 'allowed are 1 to 1024 bytes of Unicode without control characters');
}

function cut(text, what) {
  const at = text.indexOf('/');
  if (at < 1 || at === text.length - 1) refuse(what, text, 'it has two parts that are not empty, with a / between them');
  return [text.slice(0, at), text.slice(at + 1)];
}

export function parseAgent(text) {
  const [type, key] = cut(text, 'agent');
  checkAgentType(type);
  checkKey(key);
  return { type, key };
}

export function parseTopic(text) {
  const [type, source] = cut(text, 'topic');
  checkTopicType(type);
  checkKey(source, 'source');
  return { type, source };
}

export const printAgent = (id) => `${id.type}/${id.key}`;
export const printTopic = (id) => `${id.type}/${id.source}`;

export function parseAddresses(url) {
  return url.split(',').map((one) => {
    const found = /^grpc:\/\/(\[[0-9a-fA-F:]+\]|[A-Za-z0-9_.-]+):(\d{1,5})\/?$/.exec(one.trim());
    const port = Number(found?.[2]);
    if (!found || port < 1 || port > 65535) refuse('url', one, 'allowed is grpc://HOST:PORT, or several with commas');
    return `${found[1]}:${port}`;
  });
}
