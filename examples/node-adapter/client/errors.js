// One exception per reason of the contract (ERR-5), with the flags of SPEC.md's table.

// [retryable, may_have_run]
const FLAGS = {
  INVALID_ARGUMENT: [false, false],
  UNAUTHENTICATED: [false, false],
  PERMISSION_DENIED: [false, false],
  PROTOCOL_VERSION_UNSUPPORTED: [false, false],
  SESSION_EXPIRED: [true, false],
  NOT_FOUND: [false, false],
  ALREADY_EXISTS: [false, false],
  NO_RESPONDERS: [true, false],
  UNKNOWN_MESSAGE_TYPE: [false, false],
  UNHANDLED_MESSAGE: [false, false],
  UNSUPPORTED_VERSION: [false, false],
  MALFORMED_PAYLOAD: [false, false],
  PAYLOAD_TOO_LARGE: [false, false],
  ACTIVATION_FAILED: [true, false],
  HANDLER_FAILED: [false, true],
  CALL_CYCLE: [false, false],
  DEADLINE_EXCEEDED: [true, true],
  CANCELLED: [false, true],
  OUTCOME_UNKNOWN: [true, true],
  RESOURCE_EXHAUSTED: [true, false],
  STALE_EPOCH: [false, false],
  STATE_CONFLICT: [false, false],
  DRAINING: [true, false],
  UNAVAILABLE: [true, false],
  INTERNAL: [false, true],
};

export class ParleyError extends Error {
  constructor(reason, message, { details = {}, ...flags } = {}) {
    super(message);
    const [retryable, mayHaveRun] = FLAGS[reason] ?? [false, true];
    this.reason = reason;
    this.retryable = flags.retryable ?? retryable;
    this.mayHaveRun = flags.mayHaveRun ?? mayHaveRun;
    this.details = details;
    this.name = this.constructor.name;
  }
}

const classes = new Map(Object.keys(FLAGS).map((reason) => {
  const name = `${reason.toLowerCase().replace(/(?:^|_)(.)/g, (_, letter) => letter.toUpperCase())}Error`;
  return [reason, { [name]: class extends ParleyError {} }[name]];
}));

export function failure(reason, message, rest) {
  return new (classes.get(reason) ?? ParleyError)(reason, message, rest);
}

// A reason that is not known here stays usable by its flags (ERR-3).
export function fromWire(error, reasons) {
  const reason = (reasons[error.reason] ?? `ERROR_REASON_${error.reason}`).replace('ERROR_REASON_', '');
  return failure(reason, error.message, {
    details: { ...error.details }, retryable: error.retryable, mayHaveRun: error.may_have_run,
  });
}

export function toWire(error) {
  return {
    reason: `ERROR_REASON_${error.reason}`,
    message: error.message,
    retryable: error.retryable,
    may_have_run: error.mayHaveRun,
    details: error.details,
  };
}
