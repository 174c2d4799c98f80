/**
 * Adds request headers to the value of `Vary`, each once, whatever its case. What stands there already stays as it is
 * spelled and comes first; `*` covers everything and then stands alone.
 *
 * @param existing The header as the response has it so far.
 * @see RFC 9110 §12.5.5
 * @example
 * ```ts
 * response.setHeader('Vary', mergeVary(response.getHeader('Vary'), ['Accept-Language']));
 * ```
 */
export function mergeVary(
  existing: string | number | readonly string[] | undefined,
  additions: readonly string[],
): string {
  const names = new Map<string, string>();
  for (const name of [...namesOf(existing), ...namesOf(additions)]) {
    const key = name.toLowerCase();
    if (!names.has(key)) names.set(key, name);
  }
  return names.has('*') ? '*' : [...names.values()].join(', ');
}

function namesOf(value: string | number | readonly string[] | undefined): string[] {
  return String(value ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
