import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { mergeMap, type Observable } from 'rxjs';
import { isStandardSchema, issuesOf } from './standard-schema.js';
import { PLAN, type VersionedController } from './versioned-controller.js';
import type { BodyDefinition } from './versioned-controller-options.js';

type Present = (entity: object) => Promise<unknown>;

/** Makes of the rows what `dto.read` says. It stands around `@Versioned()`, which has to see the version in the row itself. */
@Injectable()
export class RepresentationInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { entity, options } = (context.getClass().prototype as VersionedController<object>)[PLAN];
    const definition = options.dto?.read;
    if (definition === undefined) return next.handle();
    const present = presenterOf(definition);
    return next.handle().pipe(
      mergeMap(async (result: unknown) => {
        if (result instanceof entity) return await present(result);
        if (!isPage(result)) return result;
        return { ...result, items: await Promise.all(result.items.map(present)) };
      }),
    );
  }
}

function presenterOf(definition: BodyDefinition): Present {
  if (!isStandardSchema(definition)) return (entity) => exposed(definition as new () => object, entity);
  return async (entity) => {
    const result = await definition['~standard'].validate(entity);
    if (result.issues !== undefined)
      throw new Error(`dto.read refuses what is stored: ${issuesOf(result).join('; ')}`);
    return result.value;
  };
}

async function exposed(definition: new () => object, entity: object): Promise<unknown> {
  const { plainToInstance } = await import('class-transformer');
  return plainToInstance(definition, { ...entity }, { excludeExtraneousValues: true });
}

function isPage(result: unknown): result is { items: object[] } {
  return (
    typeof result === 'object' && result !== null && Array.isArray((result as { items?: unknown }).items)
  );
}
