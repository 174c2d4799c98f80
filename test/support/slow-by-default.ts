/** In place of the library's own default, see jest.config.mjs. */
export const FAST_PATHS_BY_DEFAULT = false;
