import type { EntityMetadata, QueryBuilder } from 'typeorm';

/** How many texts are remembered at most. */
const MOST_TEXTS = 500;
/** A longer one is likely to be made of values, and not to come again. */
const LONGEST = 4000;

type Builder = QueryBuilder<any>;

/**
 * What TypeORM makes of the text of a statement. It does so anew for each execution, although nothing but the text and the
 * entities that it is about decide on it: values are parameters.
 */
export class StatementMemo {
  readonly #texts = new Map<string, string>();
  readonly #names = new WeakMap<EntityMetadata, string>();
  #named = 0;

  /** @param make - what TypeORM does where it is not known */
  textOf(builder: Builder, text: string, make: () => string): string {
    if (text.length > LONGEST) return make();
    const key = `${this.#aliasesOf(builder)}\n${text}`;
    const known = this.#texts.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#texts.set(key, made);
    // The oldest; if it is still in use, it comes again.
    if (this.#texts.size > MOST_TEXTS) this.#texts.delete(this.#texts.keys().next().value!);
    return made;
  }

  #aliasesOf({ expressionMap: { aliases, aliasNamePrefixingEnabled } }: Builder): string {
    const known = aliases.filter(({ hasMetadata }) => hasMetadata);
    const names = known.map(({ name, metadata }) => `${this.#nameOf(metadata)} ${name}`);
    return `${aliasNamePrefixingEnabled} ${names.join()}`;
  }

  /** Metadata is made anew when a data source is initialised again, and may be another one then. */
  #nameOf(metadata: EntityMetadata): string {
    let name = this.#names.get(metadata);
    if (name === undefined) this.#names.set(metadata, (name = String(++this.#named)));
    return name;
  }
}
