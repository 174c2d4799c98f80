import { SetMetadata } from '@nestjs/common';

const NON_ATOMIC = 'nest-transactional:non-atomic';

/**
 * Takes a handler, or all of a controller's, out of the request's transaction that `request: { mode: 'atomic' }` opens: it
 * runs as with `'opt-in'`, so that it may stream, use `@Res()`, or commit in several steps.
 *
 * @see https://docs.djangoproject.com/en/5.2/topics/db/transactions/#django.db.transaction.non_atomic_requests
 * @example
 * ```ts
 * @Controller('exports')
 * export class ExportsController {
 *   @NonAtomic()
 *   @Get()
 *   download(): StreamableFile {
 *     return new StreamableFile(Readable.from(['a,b\n']));
 *   }
 * }
 * ```
 */
export function NonAtomic(): ClassDecorator & MethodDecorator {
  return SetMetadata(NON_ATOMIC, true);
}

/** Whether the handler, or its whole controller, is decorated so. */
export function isNonAtomic(controller: object, handler: object): boolean {
  return [handler, controller].some((each) => Reflect.getMetadata(NON_ATOMIC, each) === true);
}
