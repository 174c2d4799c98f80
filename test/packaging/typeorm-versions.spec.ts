import { join, relative } from 'node:path';
import { expect, it } from '@jest/globals';
import ts from 'typescript';
import { Library, ROOT } from './library.js';

// TypeORM 1 calls `dataSource` what 0.3 calls `connection`, and knows both names.
it('calls nothing of TypeORM by a name that only TypeORM 1 knows', () => {
  const files = ['core', 'http'].flatMap((folder) => {
    const library = new Library(folder);
    return library.sources.map((file) => join(library.directory, 'src', file));
  });
  const program = ts.createProgram(files, optionsOf('tsconfig.json'));
  const checker = program.getTypeChecker();

  const found = files.flatMap((file) => newNamesIn(program.getSourceFile(file)!, checker));

  expect(found).toEqual([]);
});

function newNamesIn(source: ts.SourceFile, checker: ts.TypeChecker): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const declaration = dataSourceIn(node, checker)?.declarations?.[0];
    if (declaration?.getSourceFile().fileName.includes('/node_modules/typeorm/')) {
      const { line } = source.getLineAndCharacterOfPosition(node.getEnd());
      found.push(`${relative(ROOT, source.fileName)}:${line + 1}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The property that is read as `x.dataSource` or taken from `x` by `{ dataSource }`. */
function dataSourceIn(node: ts.Node, checker: ts.TypeChecker): ts.Symbol | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    return node.name.text === 'dataSource' ? checker.getSymbolAtLocation(node.name) : undefined;
  }
  if (!ts.isBindingElement(node) || (node.propertyName ?? node.name).getText() !== 'dataSource') {
    return undefined;
  }
  return checker.getTypeAtLocation(node.parent).getProperty('dataSource');
}

function optionsOf(tsconfig: string): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(ROOT, tsconfig), (path) => ts.sys.readFile(path)) as {
    config: unknown;
  };
  return ts.parseJsonConfigFileContent(config, ts.sys, ROOT).options;
}
