import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, Max, Min } from 'class-validator';
import { Omittable } from '../validation/omittable.decorator.js';
import { Text } from '../validation/text.decorator.js';
import { Product } from './product.entity.js';

export class ProductQueryDto {
  @ApiProperty({ minimum: 1, maximum: 1_000_000, default: 1, required: false })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  page: number = 1;

  @ApiProperty({ minimum: 1, maximum: 100, default: 20, required: false })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  limit: number = 20;

  @Omittable()
  @Text({ min: 0, max: 100, example: 'mug', required: false })
  search?: string;

  @Omittable()
  @Text({ min: 1, max: 40, example: 'kitchen', required: false })
  category?: string;
}

export class ProductListDto {
  @ApiProperty({ type: [Product] })
  items!: Product[];

  @ApiProperty({ example: 1 })
  page!: number;

  @ApiProperty({ example: 20 })
  limit!: number;

  @ApiProperty({ example: 200, description: 'Products on all pages together' })
  total!: number;
}
