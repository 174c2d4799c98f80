import { ApiProperty } from '@nestjs/swagger';
import {
  Column,
  CreateDateColumn,
  Entity,
  OneToMany,
  PrimaryGeneratedColumn,
  type Relation,
  UpdateDateColumn,
  VersionColumn,
} from 'typeorm';
import { OrderLine } from './order-line.entity.js';

export type OrderStatus = 'placed' | 'cancelled';

// PostgreSQL returns a bigint as a string, for it may exceed what a number holds exactly. A total never does.
const exactNumber = { from: Number, to: (value: number) => value };

@Entity('orders')
export class Order {
  @ApiProperty({ format: 'uuid' })
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @ApiProperty({ example: 'Lighthouse Café' })
  @Column()
  customer!: string;

  @ApiProperty({ enum: ['placed', 'cancelled'] })
  @Column({ type: 'varchar' })
  status!: OrderStatus;

  @ApiProperty({ example: 2580, description: 'Sum of the lines at the prices of the day of the order' })
  @Column({ name: 'total_cents', type: 'bigint', transformer: exactNumber })
  totalCents!: number;

  @ApiProperty({ type: () => [OrderLine] })
  @OneToMany(() => OrderLine, (line) => line.order, { cascade: ['insert'] })
  lines!: Relation<OrderLine[]>;

  @ApiProperty({ example: 1, description: 'Rises with every change, also of a line' })
  @VersionColumn()
  version!: number;

  @ApiProperty()
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @ApiProperty()
  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt!: Date;
}
