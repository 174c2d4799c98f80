import { applyDecorators, SetMetadata, UseInterceptors } from '@nestjs/common';
import type { EntityTarget, ObjectLiteral } from 'typeorm';
import {
  aBoolean,
  aFunction,
  aString,
  checkOptions,
  either,
  listOf,
  oneOf,
  type Schema,
} from '@nest-transactional/core/options';
import { VersionedInterceptor } from './versioned.interceptor.js';
import { VERSIONED, type VersionedDeclaration } from './versioned-declaration.js';

/** How a handler's resource is found, and what its responses say about it. */
export interface VersionedOptions {
  /**
   * Where the request tells the primary key: `params.<name>`, `query.<name>`, `body.<name>`, or a function of the platform's
   * request. A route without that parameter (a list, a POST that creates) has no resource yet, and takes the version of its
   * response from what it returns. @defaultValue `'params.id'`
   */
  readonly id?: `params.${string}` | `query.${string}` | `body.${string}` | ((request: any) => unknown);
  /**
   * Whether unsafe requests without `If-Match`, `If-Unmodified-Since` or `If-None-Match: *` are refused with 428.
   * @defaultValue the module's `requirePrecondition`, for PUT, PATCH and DELETE
   */
  readonly requirePrecondition?: boolean;
  /**
   * Whose version it is: the entity's own, or that of the aggregate's root that `@VersionedBy()` names. An entity without
   * `@VersionedBy()` is its own root. @defaultValue `'self'`
   */
  readonly by?: 'self' | 'root';
  /** Request headers on which the representation depends, e.g. `['Accept-Language']`: each value has its own entity tag. @defaultValue none */
  readonly vary?: readonly string[];
  /** What else the representation depends on, e.g. the caller's role: each text has its own entity tag. @defaultValue nothing */
  readonly variant?: (request: any) => string;
  /**
   * `Cache-Control` of successful responses to GET and HEAD that have none: a cache may keep them, and has to ask before it
   * uses them. @defaultValue `'private, no-cache'`
   */
  readonly cacheControl?: string;
  /**
   * Who decides that a client's copy is still good. `handler`: the handler is called, and its answer is not sent when the
   * client has it. `version`: the version is read, and the handler is not called when it has not changed. Right only for
   * handlers whose answer, and whose permission to give it, depends on nothing else: guards still run, but what the handler
   * itself would refuse is not. @defaultValue `'handler'`
   */
  readonly revalidate?: 'handler' | 'version';
  /**
   * How often an unsafe handler is called again when its transaction met a conflict, a deadlock or a serialization failure that
   * is not about the client's precondition. @defaultValue `3`
   */
  readonly retry?: number | false;
  /** Which data source, by the name that `@nestjs/typeorm` knows. @defaultValue the first enlisted one */
  readonly dataSource?: string;
}

const OPTIONS: Schema<VersionedOptions> = {
  id: either(
    {
      expected: "'params.<name>', 'query.<name>' or 'body.<name>'",
      accepts: (value) => typeof value === 'string' && /^(?:params|query|body)\.[^.]+$/.test(value),
    },
    aFunction,
  ),
  requirePrecondition: aBoolean,
  by: oneOf('self', 'root'),
  vary: listOf(aString),
  variant: aFunction,
  cacheControl: aString,
  revalidate: oneOf('handler', 'version'),
  retry: {
    expected: 'a whole number, 0 or more, or false',
    accepts: (value) => value === false || (Number.isSafeInteger(value) && (value as number) >= 0),
  },
  dataSource: aString,
};

/**
 * Makes a handler, or all of a controller's, speak of the entity's version: responses carry it as `ETag` (and the date of the
 * last change as `Last-Modified`), GET and HEAD answer 304, and the client's `If-Match` *is* the version in the WHERE of the
 * UPDATE, so that check and write are one. An unsafe handler runs in one transaction, which its services join without knowing
 * of versions or headers.
 *
 * 412 when the client has seen another version, 409 when the server met others in every try, 428 when a precondition is
 * required and missing, 400 when one cannot be read.
 *
 * @param entity - an entity with an integer `@VersionColumn`, or with `by: 'root'` a part of such an aggregate
 * @throws InvalidOptionsError at once, for an unknown option or an ill-typed value; at start, for an entity without version
 * @throws PreconditionFailedError (by the handler) 412
 * @throws PreconditionRequiredError (by the handler) 428
 * @throws MalformedHeaderError (by the handler) 400
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-13
 * @example
 * ```ts
 * @Controller('invoices')
 * export class InvoicesController {
 *   constructor(@InjectRepository(Invoice) private readonly invoices: Repository<Invoice>) {}
 *
 *   @Get(':id')
 *   @Versioned(Invoice)
 *   read(@Param('id', ParseIntPipe) id: number): Promise<Invoice> {
 *     return this.invoices.findOneByOrFail({ id });
 *   }
 *
 *   @Patch(':id')
 *   @Versioned(Invoice, { requirePrecondition: true })
 *   async change(@Param('id', ParseIntPipe) id: number, @Body('number') number: number): Promise<Invoice> {
 *     const invoice = await this.invoices.findOneByOrFail({ id });
 *     return this.invoices.save(Object.assign(invoice, { number }));
 *   }
 * }
 * ```
 */
export function Versioned(
  entity: EntityTarget<ObjectLiteral>,
  options: VersionedOptions = {},
): ClassDecorator & MethodDecorator {
  checkOptions('@Versioned()', options, OPTIONS);
  const declaration: VersionedDeclaration = Object.freeze({ entity, options: Object.freeze({ ...options }) });
  return applyDecorators(SetMetadata(VERSIONED, declaration), UseInterceptors(VersionedInterceptor));
}
