/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/\\.data/'],
  modulePathIgnorePatterns: ['<rootDir>/.*/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    // Tests read the libraries from source, so `npm test` needs no build.
    '^@nest-transactional/core$': '<rootDir>/libs/core/src/index.ts',
    '^@nest-transactional/core/cls-hooked$': '<rootDir>/libs/core/src/cls-hooked.ts',
    '^@nest-transactional/core/options$': '<rootDir>/libs/core/src/options.ts',
    '^@nest-transactional/http$': '<rootDir>/libs/http/src/index.ts',
    // `FAST_PATHS=off npm test` lets TypeORM do everything, where a spec does not say otherwise.
    ...(process.env.FAST_PATHS === 'off' && {
      '^.*/fast-paths-default\\.js$': '<rootDir>/test/support/slow-by-default.ts',
    }),
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'es6' },
      },
    ],
  },
  globalSetup: '<rootDir>/test/support/start-postgres.mjs',
  globalTeardown: '<rootDir>/test/support/stop-postgres.mjs',
  // One more than the cores of a small machine: many tests wait for the server.
  maxWorkers: 3,
  workerIdleMemoryLimit: '1GB',
  testTimeout: 20_000,
};
