import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path/posix';
import ts from 'typescript';
import type { Library } from './library.js';

/** What a file imports, by specifier. */
export interface Imports {
  /** When it is loaded. */
  readonly static: readonly string[];
  /** When it comes to that. */
  readonly dynamic: readonly string[];
  /** For the compiler only. */
  readonly types: readonly string[];
}

/** All that is imported by the text of a source or of a declaration. */
export function importsOf(text: string): Imports {
  const file = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest, true);
  const found = { static: new Set<string>(), dynamic: new Set<string>(), types: new Set<string>() };
  const visit = (node: ts.Node): void => {
    const seen = importIn(node);
    if (seen !== undefined) found[seen.kind].add(seen.specifier);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { static: [...found.static], dynamic: [...found.dynamic], types: [...found.types] };
}

function importIn(node: ts.Node): { kind: keyof Imports; specifier: string } | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    if (node.moduleSpecifier === undefined) return undefined;
    return { kind: isForTypes(node) ? 'types' : 'static', specifier: textOf(node.moduleSpecifier) };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return { kind: 'types', specifier: textOf(node.argument.literal) };
  }
  const isDynamic = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
  return isDynamic ? { kind: 'dynamic', specifier: textOf(node.arguments[0]!) } : undefined;
}

/** Whether nothing is left of it in JavaScript. */
function isForTypes(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  const { importClause } = node;
  if (importClause === undefined || importClause.name !== undefined) return false;
  const { namedBindings, phaseModifier } = importClause;
  if (phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  return (
    namedBindings !== undefined &&
    ts.isNamedImports(namedBindings) &&
    namedBindings.elements.every((element) => element.isTypeOnly)
  );
}

function textOf(node: ts.Node): string {
  return ts.isStringLiteral(node) ? node.text : node.getText();
}

/** The packages among specifiers; Node's own are none. */
export function packagesIn(specifiers: readonly string[]): string[] {
  const outside = specifiers.filter((each) => !each.startsWith('.') && !isBuiltin(each));
  const names = outside.map((each) => each.split('/', each.startsWith('@') ? 2 : 1).join('/'));
  return [...new Set(names)].toSorted();
}

/** The packages that are loaded with an entry point, e.g. `index.ts`. */
export function packagesLoadedBy(library: Library, entry: string): string[] {
  const loaded = new Map<string, readonly string[]>();
  const load = (file: string): void => {
    if (loaded.has(file)) return;
    const specifiers = importsOf(library.read(`src/${file}`)).static;
    loaded.set(file, specifiers);
    const own = specifiers.filter((each) => each.startsWith('.'));
    for (const each of own) load(join(dirname(file), each).replace(/\.js$/, '.ts'));
  };
  load(entry);
  return packagesIn([...loaded.values()].flat());
}
