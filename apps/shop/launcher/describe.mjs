/**
 * An error in one line, for somebody who wants to use the shop rather than debug it.
 *
 * @param {unknown} error
 * @param {number} [port]
 * @returns {string}
 */
export function describe(error, port) {
  if (isSystemError(error, 'EADDRINUSE') && port !== undefined) {
    const another = port < 65_535 ? port + 1 : port - 1;
    return `Port ${port} is in use. Choose another one: PORT=${another} npm start`;
  }
  if (isSystemError(error, 'EACCES') && port !== undefined && error.syscall === 'listen') {
    return `Port ${port} is reserved for the system. Choose another one: PORT=3000 npm start`;
  }
  // A name that has several addresses fails once for each, and the sum has no message of its own.
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0], port);
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.trim().split('\n')[0] ?? '';
}

/**
 * @param {unknown} error
 * @param {string} code
 * @returns {error is NodeJS.ErrnoException}
 */
function isSystemError(error, code) {
  return error instanceof Error && 'code' in error && error.code === code;
}
