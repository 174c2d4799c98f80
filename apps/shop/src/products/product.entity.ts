import { ApiProperty } from '@nestjs/swagger';
import {
  Column,
  CreateDateColumn,
  Entity,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
  VersionColumn,
} from 'typeorm';

@Entity('products')
export class Product {
  @ApiProperty({ format: 'uuid' })
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @ApiProperty({ example: 'KIT-MUG-CREAM' })
  @Column()
  sku!: string;

  @ApiProperty({ example: 'Enamel mug, cream' })
  @Column()
  name!: string;

  @ApiProperty({ example: 'Steel core and a chip-resistant rim; holds 350 ml.' })
  @Column({ default: '' })
  description!: string;

  @ApiProperty({ example: 'kitchen' })
  @Column({ default: 'other' })
  category!: string;

  @ApiProperty({ example: 1290, description: 'Price of one piece, in cents' })
  @Column({ name: 'price_cents' })
  priceCents!: number;

  @ApiProperty({ example: 48, description: 'Pieces that can be ordered' })
  @Column()
  stock!: number;

  @ApiProperty({ example: 1, description: 'Rises with every change' })
  @VersionColumn()
  version!: number;

  @ApiProperty()
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @ApiProperty()
  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt!: Date;
}
