import { BadRequestException, type PipeTransform } from '@nestjs/common';
import type { KeyProperty } from './resource-plan.js';

/** Makes a primary key of what stands in the path; 400 where no row can have it. */
export class IdPipe implements PipeTransform<string, unknown> {
  constructor(private readonly key: KeyProperty) {}

  transform(text: string): unknown {
    const { fromText, expected, name } = { ...this.key.kind, name: this.key.name };
    const id = fromText!(text);
    if (id === undefined) throw new BadRequestException(`${name} must be ${expected}.`);
    return id;
  }
}
