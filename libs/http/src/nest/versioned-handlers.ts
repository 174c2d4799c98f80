import { Injectable, RequestMethod, type OnModuleInit } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { InvalidOptionsError, RequestTransactions, TransactionManager } from '@nest-transactional/core';
import { VersionedRows } from '../resource/versioned-row.js';
import { VERSIONED, versionedDeclarationOf, type VersionedDeclaration } from './versioned-declaration.js';

/** A route handler and what `@Versioned()` says of it. */
interface VersionedHandler {
  readonly prototype: object;
  readonly name: string;
  readonly handler: object;
  readonly declaration: VersionedDeclaration;
}

/** Checks at start what would otherwise fail at a request, or not be checked at all. */
@Injectable()
export class VersionedHandlers implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly manager: TransactionManager,
    private readonly transactions: RequestTransactions,
  ) {}

  /**
   * @throws InvalidOptionsError for an entity without a version, and a route without the parameter that names the row
   * @throws UnsupportedResponseError for an unsafe handler that answers by itself
   */
  onModuleInit(): void {
    const handlers = this.#all();
    for (const each of handlers) {
      this.#assertVersioned(each);
      assertIdInRoute(each);
    }
    this.transactions.assertSupported(handlers.filter(({ handler }) => !isSafe(handler)));
  }

  #all(): VersionedHandler[] {
    return this.discovery.getControllers().flatMap(({ metatype }) => {
      const prototype = (metatype as { prototype?: object } | null)?.prototype;
      if (prototype === undefined) return [];
      return this.scanner.getAllMethodNames(prototype).flatMap((name) => {
        const handler = (prototype as Record<string, object>)[name]!;
        const declaration = versionedDeclarationOf(prototype.constructor, handler);
        const isRoute = Reflect.hasMetadata(METHOD_METADATA, handler);
        return isRoute && declaration !== undefined ? [{ prototype, name, handler, declaration }] : [];
      });
    });
  }

  #assertVersioned({ prototype, name, declaration: { entity, options } }: VersionedHandler): void {
    const where = `@Versioned() on ${prototype.constructor.name}.${name}`;
    const { connection } = this.manager.entityManager(options.dataSource);
    const entityName = (entity as { name?: string }).name ?? JSON.stringify(entity);
    if (!connection.hasMetadata(entity)) {
      throw new InvalidOptionsError(
        `${where}: ${entityName} is no entity of this data source. List it there, or name another dataSource.`,
        'entity',
      );
    }
    const rows = new VersionedRows(connection.getMetadata(entity), options.by ?? 'self');
    if (rows.versionColumn !== undefined) return;
    throw new InvalidOptionsError(
      `${where}: ${rows.name} has no version. Give it a @VersionColumn(), or with by: 'root' a @VersionedBy().`,
      'entity',
    );
  }
}

/** Where the handler itself says which parameter it is; a controller's declaration is for routes with and without it. */
function assertIdInRoute({ prototype, name, handler, declaration }: VersionedHandler): void {
  const { id } = declaration.options;
  if (typeof id !== 'string' || !id.startsWith('params.') || !Reflect.hasMetadata(VERSIONED, handler)) return;
  const parameter = id.slice('params.'.length);
  const path = [prototype.constructor, handler].flatMap((each) => Reflect.getMetadata(PATH_METADATA, each));
  if (path.join('/').includes(`:${parameter}`)) return;
  throw new InvalidOptionsError(
    `@Versioned() on ${prototype.constructor.name}.${name}: id is '${id}', but the route ${path.join('/')} has no ` +
      `parameter :${parameter}. Name the one that it has.`,
    'id',
  );
}

function isSafe(handler: object): boolean {
  const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod;
  return [RequestMethod.GET, RequestMethod.HEAD, RequestMethod.OPTIONS].includes(method);
}
