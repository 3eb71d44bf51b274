// JSON whose integers are exact: those that a double cannot hold are BigInt (JSON-6).
import { randomUUID } from 'node:crypto';

const MARK = `${randomUUID()}:`;
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const WRITTEN = new RegExp(`"${MARK}(-?\\d+)"`, 'g');

export function parse(text) {
  // Nearly no text has such a number.
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const marked = text.replace(TOKEN, (token) => (/^-?\d{16,}$/.test(token) ? `"${MARK}${token}"` : token));
  return JSON.parse(marked, (_, value) => {
    if (typeof value !== 'string' || !value.startsWith(MARK)) return value;
    const exact = BigInt(value.slice(MARK.length));
    return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
  });
}

export function print(value) {
  const text = JSON.stringify(value, (_, member) => (typeof member === 'bigint' ? MARK + member : member));
  return text.replace(WRITTEN, '$1');
}
