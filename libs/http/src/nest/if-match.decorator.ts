import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { parseEntityTagList, type EntityTagCondition } from '../rfc/entity-tag.js';
import type { RequestHeaders } from '../rfc/preconditions.js';
import { asMalformedHeader } from './malformed-header.js';

/**
 * Hands a handler the request's `If-Match`, parsed: `'*'`, a list of entity tags, or `undefined` without one. It is only told;
 * what makes it hold is `@Versioned()`.
 *
 * @throws MalformedHeaderError (by the request) 400
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1
 * @example
 * ```ts
 * @Controller('locks')
 * export class LocksController {
 *   @Delete(':id')
 *   release(@Param('id') id: string, @IfMatch() expected: EntityTagCondition | undefined): string {
 *     return expected === undefined ? `${id} is released, whatever it was` : `${id} is released`;
 *   }
 * }
 * ```
 */
export const IfMatch: () => ParameterDecorator = createParamDecorator(
  (_data: unknown, context: ExecutionContext): EntityTagCondition | undefined => {
    const { headers } = context.switchToHttp().getRequest<{ headers: RequestHeaders }>();
    return asMalformedHeader(() => parseEntityTagList('If-Match', headers['if-match']));
  },
);
