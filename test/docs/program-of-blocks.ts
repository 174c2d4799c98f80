import { dirname, join } from 'node:path';
import ts from 'typescript';
import { ROOT, type Block } from './markdown.js';

/** Where names come from that a block uses without importing them, the nearest first. */
const SOURCES: readonly { readonly specifier: string; readonly names: readonly string[] }[] = [
  { specifier: join(ROOT, 'test/docs/prelude.js'), names: exportsOf('test/docs/prelude.ts') },
  { specifier: '@nest-transactional/core', names: exportsOf('libs/core/src/index.ts') },
  { specifier: '@nest-transactional/http', names: exportsOf('libs/http/src/index.ts') },
  {
    specifier: '@nestjs/common',
    names: [
      'Body',
      'CallHandler',
      'ConflictException',
      'Controller',
      'Delete',
      'ExecutionContext',
      'Get',
      'Injectable',
      'Logger',
      'Module',
      'NestInterceptor',
      'Param',
      'Patch',
      'Post',
      'Put',
      'Req',
      'Res',
      'StreamableFile',
    ],
  },
  { specifier: 'rxjs', names: ['defer', 'lastValueFrom', 'Observable'] },
  { specifier: 'node:stream', names: ['Readable'] },
  {
    specifier: '@nestjs/typeorm',
    names: ['InjectDataSource', 'InjectEntityManager', 'InjectRepository', 'TypeOrmModule'],
  },
  {
    specifier: 'typeorm',
    names: [
      'Column',
      'CreateDateColumn',
      'DataSource',
      'Entity',
      'EntityManager',
      'ManyToOne',
      'OneToMany',
      'PrimaryGeneratedColumn',
      'QueryFailedError',
      'Repository',
      'UpdateDateColumn',
      'VersionColumn',
    ],
  },
];

/** What TypeScript has to say against the blocks, each as `page:line: message`. */
export function complaintsAbout(blocks: readonly Block[]): readonly string[] {
  const sources = new Map(blocks.map((block) => [fileOf(block), withImports(block)]));
  const options: ts.CompilerOptions = { ...readOptions(), ...AS_READERS_HAVE_THEM };
  const program = ts.createProgram([...sources.keys()], options, hostWith(sources, options));
  return blocks.flatMap((block) => {
    const source = program.getSourceFile(fileOf(block))!;
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map((diagnostic) => complaint(block, source, diagnostic));
  });
}

/** Strict, but without the options that few applications set. */
const AS_READERS_HAVE_THEM: ts.CompilerOptions = {
  noUnusedLocals: false,
  noUnusedParameters: false,
  exactOptionalPropertyTypes: false,
};

/** The blocks of one page see each other by the names that their first lines tell. */
function fileOf({ page, line, text }: Block): string {
  const [, title] = /^\/\/ ([\w.-]+\.ts)\n/.exec(text) ?? [];
  return join(ROOT, 'test/docs', page.replaceAll(/\W/g, '-'), title ?? `line-${line}.ts`);
}

/** All on one line, so that every line of the block is known by its number. */
function withImports({ text }: Block): string {
  const source = ts.createSourceFile('block.ts', text, ts.ScriptTarget.Latest, true);
  const declared = declaredIn(source);
  const used = namesIn(source);
  const imports: string[] = [];
  for (const { specifier, names } of SOURCES) {
    const wanted = names.filter((name) => used.has(name) && !declared.has(name));
    wanted.forEach((name) => declared.add(name));
    if (wanted.length > 0) imports.push(`import { ${wanted.join(', ')} } from '${specifier}';`);
  }
  return `${imports.join(' ')}\n${text}\nexport {};\n`;
}

function namesIn(source: ts.SourceFile): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) names.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}

/** What the block itself imports or declares at its top level. */
function declaredIn(source: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  const add = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) names.add(node.text);
    else if (ts.isObjectBindingPattern(node)) node.elements.forEach(({ name }) => add(name));
    else if (ts.isArrayBindingPattern(node))
      node.elements.filter((each) => ts.isBindingElement(each)).forEach(({ name }) => add(name));
  };
  for (const statement of source.statements) {
    if (ts.isVariableStatement(statement))
      statement.declarationList.declarations.forEach(({ name }) => add(name));
    else if (ts.isImportDeclaration(statement)) addImported(statement, add);
    else if (isNamed(statement) && statement.name) add(statement.name);
  }
  return names;
}

function addImported({ importClause }: ts.ImportDeclaration, add: (node: ts.Node) => void): void {
  if (importClause?.name) add(importClause.name);
  const bindings = importClause?.namedBindings;
  if (bindings === undefined) return;
  if (ts.isNamespaceImport(bindings)) add(bindings.name);
  else bindings.elements.forEach(({ name }) => add(name));
}

function isNamed(node: ts.Node): node is ts.DeclarationStatement {
  return (
    ts.isClassDeclaration(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node)
  );
}

/** The names that a module exports, one by one. */
function exportsOf(path: string): readonly string[] {
  const source = ts.createSourceFile(path, ts.sys.readFile(join(ROOT, path))!, ts.ScriptTarget.Latest, true);
  return source.statements.flatMap((statement) => {
    if (
      ts.isExportDeclaration(statement) &&
      statement.exportClause &&
      ts.isNamedExports(statement.exportClause)
    )
      return statement.exportClause.elements.map(({ name }) => name.text);
    if (!ts.canHaveModifiers(statement)) return [];
    const isExported = ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    if (!isExported) return [];
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.map(({ name }) => name.getText());
    return isNamed(statement) && statement.name ? [statement.name.text] : [];
  });
}

function readOptions(): ts.CompilerOptions {
  const path = join(ROOT, 'tsconfig.json');
  const { config } = ts.readConfigFile(path, (file) => ts.sys.readFile(file));
  return ts.parseJsonConfigFileContent({ ...config, include: [], files: ['none'] }, ts.sys, ROOT).options;
}

function hostWith(sources: ReadonlyMap<string, string>, options: ts.CompilerOptions): ts.CompilerHost {
  const disk = ts.createCompilerHost(options, true);
  const directories = new Set([...sources.keys()].map((file) => dirname(file)));
  return {
    ...disk,
    directoryExists: (directory) => directories.has(directory) || disk.directoryExists!(directory),
    fileExists: (file) => sources.has(file) || disk.fileExists(file),
    readFile: (file) => sources.get(file) ?? disk.readFile(file),
    getSourceFile(file, languageVersion, ...rest) {
      const text = sources.get(file);
      if (text === undefined) return disk.getSourceFile(file, languageVersion, ...rest);
      return ts.createSourceFile(file, text, asModule(languageVersion), true);
    },
  };
}

/** The blocks are ESM, as the packages are. */
function asModule(version: ts.ScriptTarget | ts.CreateSourceFileOptions): ts.CreateSourceFileOptions {
  const options = typeof version === 'object' ? version : { languageVersion: version };
  return { ...options, impliedNodeFormat: ts.ModuleKind.ESNext };
}

function complaint(
  { page, line }: Block,
  source: ts.SourceFile,
  { start, messageText }: ts.Diagnostic,
): string {
  const at = source.getLineAndCharacterOfPosition(start ?? 0).line;
  return `${page}:${line + at - 1}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
}
