/**
 * A header that the client sent does not follow its grammar. The only error that the parsers of this folder throw.
 *
 * It carries what NestJS, Express and Fastify look for in an error, so that the answer is a 400 even without a filter of ours.
 * Neither the message nor a field repeats the header's value: it may be a secret, and the answer may be rendered as HTML.
 *
 * @see RFC 9110 §15.5.1
 */
export class HeaderSyntaxError extends Error {
  readonly status = 400;
  readonly statusCode = 400;
  /** Tells `http-errors` users that the message is meant for the client. */
  readonly expose = true;

  constructor(
    /** The header as RFC 9110 spells it, e.g. `If-Match`. */
    readonly header: string,
    /** What was expected, and where; never what was sent. */
    readonly reason: string,
  ) {
    super(`The ${header} header is malformed: ${reason}.`);
    this.name = 'HeaderSyntaxError';
  }
}
