import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, Max, Min } from 'class-validator';
import { SeenVersion } from '../validation/seen-version.decorator.js';

export class OrderLineDto {
  @ApiProperty({ example: 2, minimum: 1, maximum: 1_000 })
  @IsInt()
  @Min(1)
  @Max(1_000)
  quantity!: number;

  @SeenVersion()
  version?: number;
}

export class SeenOrderDto {
  @SeenVersion()
  @Type(() => Number)
  version?: number;
}
