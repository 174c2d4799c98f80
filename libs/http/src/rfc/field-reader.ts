import { HeaderSyntaxError } from './header-syntax-error.js';

/**
 * Reads a field value from left to right, one character at a time.
 *
 * It has no way back and looks no further than the next character. Whatever is parsed with it takes time in proportion to the
 * length of the field, which a regular expression that backtracks does not promise.
 */
export class FieldReader {
  private position = 0;

  constructor(
    private readonly header: string,
    private readonly text: string,
  ) {}

  get isAtEnd(): boolean {
    return this.position >= this.text.length;
  }

  /** Steps over `character` if it comes next, and tells whether it did. */
  take(character: string): boolean {
    const isNext = this.next === character.charCodeAt(0);
    if (isNext) this.position++;
    return isNext;
  }

  /** Steps over `character`, which has to come next. */
  expect(character: string): void {
    if (!this.take(character)) this.fail(`\`${character}\``);
  }

  /** Steps over all characters that belong, and returns them. */
  takeWhile(belongs: (code: number) => boolean): string {
    const start = this.position;
    while (!this.isAtEnd && belongs(this.next)) this.position++;
    return this.text.slice(start, this.position);
  }

  /** Steps over optional whitespace. RFC 9110 §5.6.3 */
  skipBlanks(): void {
    while (this.next === SPACE || this.next === TAB) this.position++;
  }

  /**
   * Reads a comma-separated list up to the end of the field. Empty elements do not count.
   *
   * @see RFC 9110 §5.6.1.2
   */
  list<T>(readElement: () => T): T[] {
    const elements: T[] = [];
    for (this.skipBlanks(); !this.isAtEnd; this.skipBlanks()) {
      if (this.take(',')) continue;
      elements.push(readElement());
      this.skipBlanks();
      if (!this.isAtEnd) this.expect(',');
    }
    return elements;
  }

  /** Nothing may follow, not even whitespace: what carries a field has stripped it. RFC 9110 §5.5 */
  expectEnd(): void {
    if (!this.isAtEnd) this.fail('the end of the field');
  }

  fail(expected: string): never {
    throw new HeaderSyntaxError(this.header, `expected ${expected} at character ${this.position + 1}`);
  }

  private get next(): number {
    return this.text.charCodeAt(this.position);
  }
}

const SPACE = 0x20;
const TAB = 0x09;
