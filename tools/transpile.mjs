import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import ts from 'typescript';

/**
 * Writes JavaScript for each source that a tsconfig names, file by file and without looking at types: a second instead of the
 * ten that two `nest build` take. The types are looked at by `npm run typecheck` and `npm run build`.
 *
 * @param {string} tsconfig
 * @throws {Error} naming the first source that is not TypeScript
 */
export function transpile(tsconfig) {
  const { options, fileNames } = readConfig(tsconfig);
  const { rootDir = dirname(tsconfig), outDir = dirname(tsconfig) } = options;
  // The packages are ESM; a single file cannot tell that as the whole program can.
  const compilerOptions = {
    ...options,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  for (const fileName of fileNames) {
    const output = join(outDir, relative(rootDir, fileName)).replace(/\.ts$/, '.js');
    write(output, compile(fileName, compilerOptions));
  }
}

/** @param {string} tsconfig */
function readConfig(tsconfig) {
  /** @type {import('typescript').ParseConfigFileHost} */
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => refuse([diagnostic]) };
  const config = ts.getParsedCommandLineOfConfigFile(tsconfig, {}, host);
  if (!config) throw new Error(`${tsconfig} cannot be read.`);
  refuse(config.errors);
  return config;
}

/**
 * @param {string} fileName
 * @param {import('typescript').CompilerOptions} compilerOptions
 */
function compile(fileName, compilerOptions) {
  const source = readFileSync(fileName, 'utf8');
  const result = ts.transpileModule(source, { fileName, compilerOptions, reportDiagnostics: true });
  refuse(result.diagnostics ?? []);
  return { ...result, source: fileName };
}

/**
 * @param {string} output
 * @param {{ outputText: string, sourceMapText?: string | undefined, source: string }} compiled
 */
function write(output, { outputText, sourceMapText, source }) {
  mkdirSync(dirname(output), { recursive: true });
  writeFileSync(output, outputText);
  if (!sourceMapText) return;
  const map = {
    ...JSON.parse(sourceMapText),
    file: basename(output),
    sources: [relative(dirname(output), source)],
  };
  writeFileSync(`${output}.map`, JSON.stringify(map));
}

/** @param {readonly import('typescript').Diagnostic[]} diagnostics */
function refuse(diagnostics) {
  const [first] = diagnostics;
  if (!first) return;
  const { line } = first.file?.getLineAndCharacterOfPosition(first.start ?? 0) ?? { line: 0 };
  const place = first.file ? `${relative(process.cwd(), first.file.fileName)}:${line + 1}: ` : '';
  throw new Error(place + ts.flattenDiagnosticMessageText(first.messageText, ' '));
}
