/**
 * The key under which Nest injects the manager into classes with `@Transactional()` methods. Its text is what Nest prints
 * when nothing provides it, so it names the remedy.
 */
export const MANAGER = Symbol.for(
  'TransactionManager: add TransactionalModule.forRoot() from @nest-transactional/core to the imports of your root module',
);
