import { VersionedBy } from '@nest-transactional/core';
import { ApiProperty } from '@nestjs/swagger';
import {
  Column,
  CreateDateColumn,
  Entity,
  JoinColumn,
  ManyToOne,
  PrimaryGeneratedColumn,
  type Relation,
} from 'typeorm';
import { Product } from '../products/product.entity.js';
import { Order } from './order.entity.js';

/** A part of an order: who adds, changes or removes a line has changed the order, and its version rises. */
@Entity('order_lines')
@VersionedBy(() => Order, (line: OrderLine) => line.order)
export class OrderLine {
  @ApiProperty({ format: 'uuid' })
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @ApiProperty({ format: 'uuid' })
  @Column({ name: 'order_id', type: 'uuid' })
  orderId!: string;

  @ManyToOne(() => Order, (order) => order.lines)
  @JoinColumn({ name: 'order_id' })
  order!: Relation<Order>;

  @ApiProperty({ format: 'uuid' })
  @Column({ name: 'product_id', type: 'uuid' })
  productId!: string;

  // Never loaded: it changes without the order.
  @ManyToOne(() => Product)
  @JoinColumn({ name: 'product_id' })
  product!: Relation<Product>;

  @ApiProperty({ example: 'Enamel mug, cream', description: 'Its name when it was put on the order' })
  @Column({ name: 'product_name' })
  productName!: string;

  @ApiProperty({ example: 2 })
  @Column()
  quantity!: number;

  @ApiProperty({ example: 1290, description: 'Price of one piece when it was put on the order' })
  @Column({ name: 'unit_price_cents' })
  unitPriceCents!: number;

  @ApiProperty()
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
