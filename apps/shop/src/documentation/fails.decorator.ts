import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiProperty, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { PROBLEM_JSON } from '@nest-transactional/http';
import { RETRY_AFTER } from './headers.js';

/** How errors are told: RFC 9457. */
export class Problem {
  @ApiProperty({ format: 'uri-reference', example: '/errors/precondition-failed' })
  type!: string;

  @ApiProperty({ example: 'Precondition failed' })
  title!: string;

  @ApiProperty({ example: 412 })
  status!: number;

  @ApiProperty({ required: false })
  detail?: string;

  @ApiProperty({ required: false, format: 'uri-reference', example: '/orders/…' })
  instance?: string;

  @ApiProperty({ required: false, description: 'Of a 400: what is wrong with the request', type: [String] })
  errors?: string[];

  @ApiProperty({ required: false, description: 'Of a 409 or 412: the version that is there now' })
  currentVersion?: number;
}

/** What may go wrong with every change. */
const BUSY = { 503: 'Too busy, too slow or shutting down. Nothing was changed' };

/** Of a 412 to a GET. */
export const OTHER_VERSION = 'If-Match is given, and names another version';

/** Documents how a handler fails, as status → when. */
export function Fails(failures: Record<number, string>): MethodDecorator {
  const content = { [PROBLEM_JSON]: { schema: { $ref: getSchemaPath(Problem) } } };
  const responses = Object.entries({ ...failures, ...BUSY }).map(([status, description]) =>
    ApiResponse({
      status: Number(status),
      description,
      content,
      ...(status === '503' && { headers: RETRY_AFTER }),
    }),
  );
  return applyDecorators(ApiExtraModels(Problem), ...responses);
}
