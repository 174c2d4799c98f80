import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiResponse } from '@nestjs/swagger';

export class ErrorResponse {
  @ApiProperty({ example: 409 })
  statusCode!: number;

  @ApiProperty({ oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] })
  message!: string | string[];

  @ApiProperty({ example: 'Conflict' })
  error!: string;
}

/** Documents how a handler fails, as status → when. */
export function Fails(failures: Record<number, string>): MethodDecorator {
  const responses = Object.entries(failures).map(([status, description]) =>
    ApiResponse({ status: Number(status), description, type: ErrorResponse }),
  );
  return applyDecorators(...responses);
}
