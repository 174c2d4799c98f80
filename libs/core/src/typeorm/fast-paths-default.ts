/** Whether what can be compiled once is, unless `fastPaths` says otherwise. */
export const FAST_PATHS_BY_DEFAULT: boolean = true;
