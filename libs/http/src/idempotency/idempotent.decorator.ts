import { SetMetadata } from '@nestjs/common';
import { checkIdempotentOptions, type IdempotentOptions } from './idempotency-options.js';

const IDEMPOTENT = 'nest-transactional:idempotent';

/**
 * Lets a client repeat a request safely: of all requests with the same `Idempotency-Key`, one takes effect, and all get its response.
 * The handler runs in one transaction, which also stores the response; when it fails, or answers with a status of 400 or more,
 * nothing is stored, and the next request with the key tries again. On a controller, it decorates all handlers.
 *
 * The response is stored as it is sent, after all interceptors, and sent again with the header `Idempotency-Replayed: true`.
 * Handlers that stream, redirect or answer by themselves are refused at start. Needs `HttpVersioningModule`, and the entity
 * `IdempotencyRecord` in the data source.
 *
 * @throws InvalidOptionsError at once, for an unknown option or an ill-typed value
 * @throws IdempotencyKeyRequiredError (400) for a request without a key
 * @throws IdempotencyKeyInUseError (409) while another request with the key is under way
 * @throws IdempotencyKeyReusedError (422) when the key was used for another method, address or body
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 * @example
 * ```ts
 * @Controller('orders')
 * export class OrdersController {
 *   constructor(private readonly orders: OrdersService) {}
 *
 *   @Idempotent({ ttlMs: 24 * 60 * 60 * 1000 })
 *   @Post()
 *   place(@Body() basket: Basket): Promise<Order> {
 *     return this.orders.place(basket);
 *   }
 * }
 * ```
 */
export function Idempotent(options: IdempotentOptions = {}): ClassDecorator & MethodDecorator {
  checkIdempotentOptions('@Idempotent()', options);
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return SetMetadata(IDEMPOTENT, Object.freeze(Object.fromEntries(given)));
}

/** A handler's own options, else its controller's; `undefined` for a handler that is not idempotent. */
export function idempotentOptionsOf(handler: object, controller: object): IdempotentOptions | undefined {
  return (Reflect.getMetadata(IDEMPOTENT, handler) ?? Reflect.getMetadata(IDEMPOTENT, controller)) as
    IdempotentOptions | undefined;
}
