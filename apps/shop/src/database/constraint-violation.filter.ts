import { type ArgumentsHost, Catch, ConflictException } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { QueryFailedError } from 'typeorm';

const CONFLICTS: Record<string, string> = {
  products_sku_key: 'Another product has this SKU.',
  order_lines_product_id_fkey:
    'The product has been ordered and cannot be deleted; set its stock to 0 instead.',
  order_lines_order_id_product_id_key: 'The order has a line of this product already.',
};

/**
 * Answers 409 when the database refuses a write because of a known constraint.
 * The services need not ask beforehand, which could not be right anyway: another request may write in between.
 */
@Catch(QueryFailedError)
export class ConstraintViolationFilter extends BaseExceptionFilter {
  override catch(error: QueryFailedError, host: ArgumentsHost): void {
    const { constraint } = error.driverError as { constraint?: string };
    const message = constraint && CONFLICTS[constraint];
    super.catch(message ? new ConflictException(message) : error, host);
  }
}
