/** What is still to be written: text, or a value that becomes text. */
type Pending = { readonly text: string } | { readonly value: unknown };

/**
 * A parsed JSON value as text that does not depend on the order of its members. It takes no recursion, so no depth of a body can
 * exhaust the stack.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8785
 */
export function canonicalJson(value: unknown): string {
  const written: string[] = [];
  const pending: Pending[] = [{ value }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if ('text' in next) written.push(next.text);
    else if (isContainer(next.value)) for (const part of partsOf(next.value).toReversed()) pending.push(part);
    else written.push(JSON.stringify(next.value) ?? 'null');
  }
  return written.join('');
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function partsOf(container: object): Pending[] {
  if (Array.isArray(container)) {
    return [{ text: '[' }, ...container.flatMap((value) => [{ value }, { text: ',' }]), { text: ']' }];
  }
  const members = container as Record<string, unknown>;
  const parts = Object.keys(members)
    .toSorted()
    .flatMap((name) => [{ text: `${JSON.stringify(name)}:` }, { value: members[name] }, { text: ',' }]);
  return [{ text: '{' }, ...parts, { text: '}' }];
}
