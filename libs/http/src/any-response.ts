import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Fastify's reply, as far as it is used here. */
interface Reply {
  readonly raw: ServerResponse;
  readonly sent: boolean;
  getHeader(name: string): unknown;
  header(name: string, value: string | readonly string[]): unknown;
  removeHeader(name: string): unknown;
  code(status: number): unknown;
  send(body: Buffer): unknown;
}

/** The response of Express, of Fastify, or of `node:http` (which middlewares get on Fastify): the same bytes on each. */
export class AnyResponse {
  readonly #reply: Reply | undefined;
  readonly #raw: ServerResponse;

  constructor(response: unknown) {
    const isReply = 'raw' in (response as object);
    this.#reply = isReply ? (response as Reply) : undefined;
    this.#raw = isReply ? (response as Reply).raw : (response as ServerResponse);
  }

  /** Whether it is too late to say anything else. */
  get isUnderWay(): boolean {
    return this.#raw.headersSent || this.#reply?.sent === true;
  }

  /** The status as it is set now. */
  get status(): number {
    return this.#raw.statusCode;
  }

  setStatus(status: number): void {
    if (this.#reply === undefined) this.#raw.statusCode = status;
    else this.#reply.code(status);
  }

  header(name: string): string | undefined {
    const value = (this.#reply ?? this.#raw).getHeader(name);
    return Array.isArray(value)
      ? value.join(', ')
      : (value as { toString(): string } | undefined)?.toString();
  }

  setHeader(name: string, value: string): void {
    if (this.#reply === undefined) this.#raw.setHeader(name, value);
    else this.#reply.header(name, value);
  }

  removeHeader(name: string): void {
    this.#reply?.removeHeader(name);
    this.#raw.removeHeader(name);
  }

  /**
   * Fastify tells whoever asks by HEAD and gets nothing that GET would have no content, which is not true of a 304.
   *
   * @see RFC 9110 §8.6
   */
  leaveOutLength(): void {
    if (this.#reply === undefined) return;
    const raw = this.#raw;
    const writeHead = raw.writeHead.bind(raw) as (status: number, headers: object) => ServerResponse;
    raw.writeHead = ((status: number, { 'content-length': _length, ...headers }: OutgoingHttpHeaders) =>
      writeHead(status, headers)) as typeof raw.writeHead;
  }

  /** Sends a body as it is: no entity tag and no character set are added to it, and none of it answers a HEAD. */
  send(status: number, body: Buffer): void {
    this.setStatus(status);
    if (this.#reply !== undefined) return void this.#reply.send(body);
    this.#raw.setHeader('Content-Length', body.byteLength);
    this.#raw.end(body);
  }
}
