import { Body, Controller, Delete, Param, ParseUUIDPipe, Put, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Fails } from '../documentation/fails.decorator.js';
import { OrderLineDto, SeenOrderDto } from './order-line.dto.js';
import { OrderLinesService } from './order-lines.service.js';
import { Order } from './order.entity.js';

@ApiTags('orders')
@Controller('orders/:id/lines/:productId')
export class OrderLinesController {
  constructor(private readonly lines: OrderLinesService) {}

  @Put()
  @ApiOperation({ summary: 'Add a line to an order, or change how many pieces it has' })
  @ApiOkResponse({ type: Order })
  @Fails({
    400: 'An id or the body is not valid',
    404: 'No such order or product',
    409: 'The order is cancelled, has been changed since the version that you have seen, or the stock does not suffice',
  })
  set(
    @Param('id', ParseUUIDPipe) id: string,
    @Param('productId', ParseUUIDPipe) productId: string,
    @Body() line: OrderLineDto,
  ): Promise<Order> {
    return this.lines.set(id, productId.toLowerCase(), line);
  }

  @Delete()
  @ApiOperation({ summary: 'Take a line off an order and put its pieces back into stock' })
  @ApiOkResponse({ type: Order })
  @Fails({
    400: 'An id or the version is not valid',
    404: 'No such order, or no such line',
    409: 'The order is cancelled, has been changed since the version that you have seen, or this is its last line',
  })
  remove(
    @Param('id', ParseUUIDPipe) id: string,
    @Param('productId', ParseUUIDPipe) productId: string,
    @Query() { version }: SeenOrderDto,
  ): Promise<Order> {
    return this.lines.remove(id, productId.toLowerCase(), version);
  }
}
