import { ConflictException, Injectable, NotFoundException } from '@nestjs/common';
import { Transactional } from '@nest-transactional/core';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { StockService } from '../products/stock.service.js';
import type { OrderLineDto } from './order-line.dto.js';
import { OrderLine } from './order-line.entity.js';
import { Order } from './order.entity.js';
import { OrdersService } from './orders.service.js';

const MOST_LINES = 100;

/**
 * Changes the lines of orders that are open. What holds for an order as a whole (its total, that it has a line) stays true
 * although many change its lines at once: every line that is written raises the version of the order, and who has read an
 * older one starts over.
 */
@Injectable()
export class OrderLinesService {
  constructor(
    @InjectRepository(Order) private readonly repository: Repository<Order>,
    @InjectRepository(OrderLine) private readonly lines: Repository<OrderLine>,
    private readonly orders: OrdersService,
    private readonly stock: StockService,
    private readonly audit: AuditService,
  ) {}

  async get(orderId: string, id: string): Promise<OrderLine> {
    const line = await this.lines.findOneBy({ id, orderId });
    if (!line) throw new LineNotFoundException(orderId, id);
    return line;
  }

  /** Adds a line at the price of the day. */
  @Transactional({ retry: 5 })
  async add(orderId: string, { productId, quantity }: OrderLineDto): Promise<Order> {
    const order = await this.orders.getOpen(orderId);
    if (order.lines.some((line) => line.productId === productId))
      throw new ConflictException('The order has a line of this product already; change its quantity.');
    if (order.lines.length === MOST_LINES)
      throw new ConflictException(`An order has ${MOST_LINES} lines at most.`);
    const { name, priceCents } = await this.stock.take(productId, quantity);
    order.totalCents += quantity * priceCents;
    await this.changed(order);
    const line = { orderId: order.id, productId, productName: name, quantity, unitPriceCents: priceCents };
    order.lines.push(await this.lines.save(this.lines.create(line)));
    return order;
  }

  @Transactional({ retry: 5 })
  async setQuantity(orderId: string, id: string, quantity: number): Promise<Order> {
    const { order, line } = await this.find(orderId, id);
    const more = quantity - line.quantity;
    if (more === 0) return order;
    await this.stock.take(line.productId, more);
    order.totalCents += more * line.unitPriceCents;
    await this.changed(order);
    await this.lines.save(Object.assign(line, { quantity }));
    return order;
  }

  @Transactional({ retry: 5 })
  async remove(orderId: string, id: string): Promise<Order> {
    const { order, line } = await this.find(orderId, id);
    if (order.lines.length === 1)
      throw new ConflictException('The last line stays; cancel the order instead.');
    await this.stock.putBack(line.productId, line.quantity);
    order.totalCents -= line.quantity * line.unitPriceCents;
    await this.changed(order);
    await this.lines.remove(line);
    order.lines = order.lines.filter((other) => other !== line);
    return order;
  }

  private async find(orderId: string, id: string): Promise<{ order: Order; line: OrderLine }> {
    const order = await this.orders.getOpen(orderId);
    const line = order.lines.find((each) => each.id === id);
    if (!line) throw new LineNotFoundException(orderId, id);
    return { order, line };
  }

  /** Before its lines: of two that add the same line at once, one is refused here and starts over. */
  private async changed(order: Order): Promise<void> {
    await this.repository.save(order);
    await this.audit.record('order.changed', 'Order', order.id);
  }
}

class LineNotFoundException extends NotFoundException {
  constructor(orderId: string, id: string) {
    super(`Order ${orderId} has no line ${id}.`);
  }
}
