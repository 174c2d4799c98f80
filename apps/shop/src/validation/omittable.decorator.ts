import { ValidateIf } from 'class-validator';

/** The property may be left out. Unlike `@IsOptional()`, it may not be null. */
export function Omittable(): PropertyDecorator {
  return ValidateIf((_object, value) => value !== undefined);
}
