import { Body, Controller, Get, HttpCode, HttpStatus, Param, ParseUUIDPipe, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Fails } from '../documentation/fails.decorator.js';
import type { ResponseWithHeaders } from '../http/response-with-headers.js';
import { Order } from './order.entity.js';
import { OrdersService } from './orders.service.js';
import { PlaceOrderDto } from './place-order.dto.js';

@ApiTags('orders')
@Controller('orders')
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Post()
  @ApiOperation({ summary: 'Place an order: all of it or nothing' })
  @ApiCreatedResponse({ type: Order, headers: { Location: { schema: { type: 'string' } } } })
  @Fails({ 400: 'The body is not a valid order', 404: 'No such product', 409: 'A product is out of stock' })
  async place(
    @Body() body: PlaceOrderDto,
    @Res({ passthrough: true }) response: ResponseWithHeaders,
  ): Promise<Order> {
    const order = await this.orders.place(body);
    response.header('Location', `/orders/${order.id}`);
    return order;
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get an order with its lines' })
  @ApiOkResponse({ type: Order })
  @Fails({ 400: 'The id is not a UUID', 404: 'No such order' })
  get(@Param('id', ParseUUIDPipe) id: string): Promise<Order> {
    return this.orders.get(id);
  }

  @Post(':id/cancel')
  @HttpCode(HttpStatus.OK)
  @ApiOperation({ summary: 'Cancel an order and put its pieces back into stock' })
  @ApiOkResponse({ type: Order })
  @Fails({ 400: 'The id is not a UUID', 404: 'No such order', 409: 'The order is cancelled already' })
  cancel(@Param('id', ParseUUIDPipe) id: string): Promise<Order> {
    return this.orders.cancel(id);
  }
}
