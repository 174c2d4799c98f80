import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { IsInt, Max, Min } from 'class-validator';
import { Omittable } from './omittable.decorator.js';

/** The version that the client has seen. It is compared and never stored; left out, nothing is compared. */
export function SeenVersion(): PropertyDecorator {
  return applyDecorators(
    ApiProperty({
      example: 1,
      minimum: 1,
      required: false,
      description: 'The version that you have seen. If there is a newer one, nothing is changed: 409.',
    }),
    Omittable(),
    IsInt(),
    Min(1),
    Max(2_147_483_647),
  );
}
