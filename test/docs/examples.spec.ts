import { beforeAll, expect, it } from '@jest/globals';
import { blocksOf, pages } from './markdown.js';
import { complaintsAbout } from './program-of-blocks.js';

/** Of no page, to see that what is wrong is not taken for right. */
const PLANTED = {
  page: 'planted.md',
  line: 10,
  language: 'ts',
  text: `// Wrong\nawait orders.save({ customer: 5 });\nafterComit(() => 1);`,
};

let complaints: readonly string[];

beforeAll(() => {
  complaints = complaintsAbout([...pages().flatMap((page) => blocksOf(page, 'ts')), PLANTED]);
});

it.each(pages())('the code in %s is right by TypeScript’s measure', (page) => {
  expect(complaints.filter((complaint) => complaint.startsWith(`${page}:`))).toEqual([]);
});

it('code that is wrong is found, line by line', () => {
  const found = complaints.filter((complaint) => complaint.startsWith('planted.md'));

  expect(found).toEqual([
    expect.stringMatching(/^planted\.md:11: /),
    expect.stringMatching(/^planted\.md:12: .*afterComit/),
  ]);
});

it('every block is in a language that is checked, or plain text', () => {
  const others = pages()
    .flatMap((page) => blocksOf(page))
    .filter(({ language }) => !['ts', 'sh', 'sql', 'text', 'http'].includes(language))
    .map(({ page, line, language }) => `${page}:${line}: ${language || 'no language'}`);

  expect(others).toEqual([]);
});
