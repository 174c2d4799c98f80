import { ApiProperty } from '@nestjs/swagger';
import { IsInt, Max, Min } from 'class-validator';
import { Omittable } from '../validation/omittable.decorator.js';
import { Text } from '../validation/text.decorator.js';

const MAX_PRICE_CENTS = 100_000_000;
const MAX_STOCK = 1_000_000;

/** A product as its owner writes it; id, version and dates are the shop's to give. */
export class ProductDto {
  @Text({ min: 1, max: 40, example: 'KIT-MUG-CREAM' })
  sku!: string;

  @Text({ min: 1, max: 120, example: 'Enamel mug, cream' })
  name!: string;

  @Omittable()
  @Text({ min: 0, max: 500, example: 'Steel core and a chip-resistant rim; holds 350 ml.', required: false })
  description?: string;

  @Omittable()
  @Text({ min: 1, max: 40, example: 'kitchen', required: false })
  category?: string;

  @ApiProperty({ example: 1290, minimum: 0, maximum: MAX_PRICE_CENTS })
  @IsInt()
  @Min(0)
  @Max(MAX_PRICE_CENTS)
  priceCents!: number;

  @ApiProperty({ example: 48, minimum: 0, maximum: MAX_STOCK })
  @IsInt()
  @Min(0)
  @Max(MAX_STOCK)
  stock!: number;
}
