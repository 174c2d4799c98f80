import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

/**
 * Serves the OpenAPI document at `/docs-json` and `/docs-yaml`.
 * The page at `/docs` is the page controller's: the one of SwaggerModule needs another package on Fastify.
 */
export function serveDocumentation(app: INestApplication): void {
  const config = new DocumentBuilder()
    .setTitle('Shop')
    .setDescription('A shop whose services contain no commit and no rollback.')
    .setVersion('0.1')
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, config), { ui: false });
}
