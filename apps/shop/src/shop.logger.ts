import { ConsoleLogger } from '@nestjs/common';

/** Says what the shop did; leaves out the lines in which Nest lists every module and route. */
export class ShopLogger extends ConsoleLogger {
  private static readonly silenced = new Set<unknown>([
    'NestFactory',
    'NestApplication',
    'InstanceLoader',
    'RoutesResolver',
    'RouterExplorer',
  ]);

  override log(message: unknown, ...context: unknown[]): void {
    if (!ShopLogger.silenced.has(context.at(-1))) super.log(message, ...context);
  }
}
