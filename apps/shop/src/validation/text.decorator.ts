import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsString, Length, Matches } from 'class-validator';

export interface TextOptions {
  min: number;
  max: number;
  example: string;
  required?: boolean;
}

/** One line of text, trimmed. Control characters are refused: PostgreSQL cannot store all of them. */
export function Text({ min, max, example, required = true }: TextOptions): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ minLength: min, maxLength: max, example, required }),
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value)),
    IsString(),
    Length(min, max),
    Matches(/^\P{Cc}*$/u, { message: '$property must not contain control characters' }),
  );
}
