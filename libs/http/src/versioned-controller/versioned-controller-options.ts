/** What a controller can do with its resource. */
export type Operation = 'list' | 'read' | 'create' | 'replace' | 'patch' | 'delete';

/** How a list is narrowed by a column: `price.gte=10`; `contains` looks for a part of a text, whatever its case. */
export type FilterOperator = 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte' | 'in' | 'contains';

/** The properties of an entity, by name. */
export type PropertyOf<E> = Extract<keyof E, string>;

/** A property to sort by; with a hyphen before it, the greatest comes first. */
export type SortKey<E> = PropertyOf<E> | `-${PropertyOf<E>}`;

/**
 * A schema of any library that implements Standard Schema (Zod, Valibot, ArkType and others).
 *
 * @see https://standardschema.dev
 */
export interface StandardSchema {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult | Promise<StandardResult>;
  };
}

/** What a Standard Schema says of a value. */
export interface StandardResult {
  readonly value?: unknown;
  readonly issues?:
    readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] | undefined;
}

/** A class with decorators of class-validator, or a Standard Schema. */
export type BodyDefinition = (new (...all: never[]) => object) | StandardSchema;

/** What bodies look like. Whatever these say, only plain columns are ever written. */
export interface BodyDefinitions {
  /** Of a POST. @defaultValue `replace` */
  readonly create?: BodyDefinition;
  /** Of a PUT. @defaultValue `create` */
  readonly replace?: BodyDefinition;
  /**
   * Of a PATCH, as it is sent. Without it, what the patch makes of the resource must be a valid body of a PUT.
   * @defaultValue none
   */
  readonly patch?: BodyDefinition;
  /**
   * What is sent. Of a class, the properties with `@Expose()` of class-transformer are; a Standard Schema gets the entity, and what
   * it makes of it is sent. @defaultValue the entity
   */
  readonly read?: BodyDefinition;
}

/** How long a page of a list is. */
export interface PaginationOptions {
  /** Without `limit` in the request. @defaultValue `20`, or `maxLimit` where that is less */
  readonly defaultLimit?: number;
  /** The most that `limit` may ask for. @defaultValue `100` */
  readonly maxLimit?: number;
}

/** How a list is sorted. The primary key always decides last, so no row is on two pages. */
export interface SortOptions<E extends object> {
  /** What `sort` may name. */
  readonly allowed: readonly PropertyOf<E>[];
  /** Without `sort` in the request. @defaultValue by the primary key */
  readonly default?: readonly SortKey<E>[];
}

/** What `createVersionedController()` takes; all but the path may be left out. */
export interface VersionedControllerOptions<E extends object> {
  /** Where the resource is served, e.g. `'products'`. */
  readonly path: string;
  /** Which data source, by the name that `@nestjs/typeorm` knows. @defaultValue the first enlisted one */
  readonly dataSource?: string;
  /** What can be done. @defaultValue everything; without `create` where the primary key is not generated */
  readonly operations?: readonly Operation[];
  /** What bodies look like. @defaultValue the entity's own columns, by their types */
  readonly dto?: BodyDefinitions;
  readonly pagination?: PaginationOptions;
  /** By what a list may be sorted. @defaultValue nothing: the list is sorted by the primary key */
  readonly sort?: SortOptions<E>;
  /** By what a list may be narrowed, and how. @defaultValue nothing */
  readonly filter?: { readonly [K in PropertyOf<E>]?: readonly FilterOperator[] };
  /** In which properties `search` looks for a part of a text, whatever its case. @defaultValue none: there is no `search` */
  readonly search?: readonly PropertyOf<E>[];
  /**
   * Whether a PUT to an id that is not there creates it. With `If-None-Match: *` it does so anyway, where the database does not count
   * the ids itself. @defaultValue `false`
   */
  readonly putCreates?: boolean;
  /** Whether PUT, PATCH and DELETE need a precondition; without one they get 428. @defaultValue the module's */
  readonly requirePrecondition?: boolean;
  /** How often a change is tried again that lost against another one, without a precondition of its own. @defaultValue `3` */
  readonly retry?: number | false;
  /** `Cache-Control` of what is read. @defaultValue `'private, no-cache'` */
  readonly cacheControl?: string;
  /** Request headers on which what is read depends. @defaultValue none */
  readonly vary?: readonly string[];
  /** Tags in OpenAPI. @defaultValue the path */
  readonly tags?: readonly string[];
}
