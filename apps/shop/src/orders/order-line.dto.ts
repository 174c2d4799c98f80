import { ApiProperty, PickType } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsUUID, Max, Min } from 'class-validator';

/** So many pieces of a product. */
export class OrderLineDto {
  @ApiProperty({ format: 'uuid' })
  // PostgreSQL reads UUIDs in either case; as one product they must also be one string.
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.toLowerCase() : value))
  @IsUUID()
  productId!: string;

  @ApiProperty({ example: 2, minimum: 1, maximum: 1_000 })
  @IsInt()
  @Min(1)
  @Max(1_000)
  quantity!: number;
}

export class QuantityDto extends PickType(OrderLineDto, ['quantity']) {}
