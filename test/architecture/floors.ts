import ts from 'typescript';

/** Source files by their path below `src`, e.g. `context/frame.ts`. */
export type Sources = ReadonlyMap<string, string>;

/** How a library is built. */
export interface House {
  /** From the lowest to the highest. A file may be a floor of its own. */
  readonly floors: readonly string[];
  /** What the lower floors must not know, by the name of the floor; `node:` modules are everybody's. */
  readonly forbidden: Readonly<Record<string, RegExp>>;
}

const NEST = /^(?:@nestjs\/|rxjs|reflect-metadata)/;
const NEST_AND_TYPEORM = /^(?:typeorm|pg|@nestjs\/|rxjs|reflect-metadata)/;
const EVERYTHING = /^(?!node:)/;

/** By the name of the library. */
export const HOUSES = {
  core: {
    floors: ['errors.ts', 'context', 'transaction', 'typeorm', 'nest'],
    forbidden: {
      'errors.ts': EVERYTHING,
      context: NEST_AND_TYPEORM,
      transaction: NEST_AND_TYPEORM,
      typeorm: NEST,
    },
  },
  http: {
    floors: [
      'rfc',
      'errors.ts',
      'any-response.ts',
      'request-path.ts',
      'resource',
      'idempotency',
      'nest',
      'versioned-controller',
    ],
    forbidden: {
      rfc: EVERYTHING,
      'errors.ts': NEST_AND_TYPEORM,
      'any-response.ts': EVERYTHING,
      'request-path.ts': EVERYTHING,
      resource: NEST,
    },
  },
} as const satisfies Record<string, House>;

/** Files that may re-export: the package's entry points. */
function isEntryPoint(file: string, house: House): boolean {
  return /(?:^|\/)index\.ts$/.test(file) || !floorOf(file, house);
}

/** Every violation of the architecture, in words. */
export function violationsIn(sources: Sources, house: House): string[] {
  return [...sources]
    .flatMap(([file, text]) => [
      ...importViolations(file, sources, house),
      ...statementViolations(file, text, house),
    ])
    .concat(cyclesIn(sources));
}

function importViolations(file: string, sources: Sources, house: House): string[] {
  const floor = floorOf(file, house);
  if (floor === undefined) return [];
  return importsOf(sources.get(file)!).flatMap((specifier) => {
    const target = resolve(file, specifier);
    if (target === undefined) {
      return house.forbidden[floor]?.test(specifier)
        ? [`${file} imports ${specifier}, which ${floor} must not know`]
        : [];
    }
    if (!sources.has(target)) return [`${file} imports ${specifier}, which does not exist`];
    const other = floorOf(target, house);
    if (other === undefined) return [`${file} imports the entry point ${target}`];
    return house.floors.indexOf(other) > house.floors.indexOf(floor) ? [`${file} imports up: ${target}`] : [];
  });
}

function statementViolations(file: string, text: string, house: House): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  for (const statement of source.statements) {
    if (ts.isExportDeclaration(statement) && !isEntryPoint(file, house)) found.push(`${file} re-exports`);
    if (ts.isExportDeclaration(statement) && !statement.exportClause) found.push(`${file} exports *`);
    if (ts.isVariableStatement(statement) && !(statement.declarationList.flags & ts.NodeFlags.Const)) {
      found.push(`${file} has a variable at its top level`);
    }
  }
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyDeclaration(node) && isStatic(node)) found.push(`${file} has a static field`);
    if (ts.isClassStaticBlockDeclaration(node)) found.push(`${file} has a static block`);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** A port and its user may name each other's types; only what is loaded can go in circles. */
function cyclesIn(sources: Sources): string[] {
  const cycles = new Set<string>();
  const visited = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file))
      return void cycles.add(`cycle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`);
    if (visited.has(file) || !sources.has(file)) return;
    for (const specifier of importsOf(withoutTypes(sources.get(file)!))) {
      const target = resolve(file, specifier);
      if (target !== undefined) visit(target, [...path, file]);
    }
    visited.add(file);
  };
  for (const file of sources.keys()) visit(file, []);
  return [...cycles];
}

function withoutTypes(text: string): string {
  return ts.transpileModule(text, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  }).outputText;
}

function importsOf(text: string): string[] {
  const { importedFiles } = ts.preProcessFile(text, true, true);
  return importedFiles.map(({ fileName }) => fileName);
}

/** The path below `src` of a relative import; `undefined` for a package. */
function resolve(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  return new URL(specifier, `file:///${from}`).pathname.slice(1).replace(/\.js$/, '.ts');
}

function floorOf(file: string, { floors }: House): string | undefined {
  const [first] = file.split('/');
  return floors.find((floor) => floor === first);
}

function isStatic(node: ts.PropertyDeclaration): boolean {
  return node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword) ?? false;
}
