import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { ProductsModule } from '../products/products.module.js';
import { OrderLinesController } from './order-lines.controller.js';
import { OrderLinesService } from './order-lines.service.js';
import { OrderLine } from './order-line.entity.js';
import { Order } from './order.entity.js';
import { OrdersController } from './orders.controller.js';
import { OrdersService } from './orders.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Order, OrderLine]), ProductsModule, AuditModule],
  controllers: [OrdersController, OrderLinesController],
  providers: [OrdersService, OrderLinesService],
})
export class OrdersModule {}
