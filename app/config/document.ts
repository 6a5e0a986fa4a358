/**
 * Text of a configuration file → plain values, with the line of each and `${env:NAME}`, `${file:PATH}` and what was
 * fetched for `${vault:…}`, `${awssm:…}` filled in.
 *
 * Substitution happens in string values only, never in keys or comments, and what it brings in is not
 * looked at again: a secret that contains `${` stays what it is.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from 'yaml';
import type { ConfigFault } from '../contract.ts';

export type PathPart = string | number;

/** What a rule finds wrong with a value. */
export interface RuleFault {
  readonly path: readonly PathPart[];
  readonly message: string;
  readonly hint?: string;
}

export interface ConfigDocument {
  readonly value: unknown;
  readonly faults: readonly ConfigFault[];
  /** Undefined where there is none. */
  valueAt(path: readonly PathPart[]): unknown;
  /** Line of the value at a path, or of the nearest thing around it that exists. */
  line(path: readonly PathPart[]): number | undefined;
  /** Line of a key of the mapping at a path. */
  keyLine(path: readonly PathPart[], key: string): number | undefined;
  /** True when the value at a path came out of a substitution, as text. */
  substituted(path: readonly PathPart[]): boolean;
}

/** Largest `${file:…}`: a secret or a token, not a data file. */
const FILE_BYTES_MAX = 64 * 1024;
const REFERENCE = /\$\{([a-z]+):([^}]*)\}/g;

export interface DocumentOptions {
  readonly text: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative `${file:…}` paths start here. */
  readonly folder: string;
  /** Of the references that `remoteReferences` names. */
  readonly secrets?: ReadonlyMap<string, string | Missing> | undefined;
}

/** Why a reference has no value. Never shows one. */
export interface Missing {
  readonly message: string;
  readonly hint: string;
}

const REMOTE: readonly string[] = ['vault', 'awssm'];

/** `vault:PATH#FIELD`, `awssm:NAME#FIELD` in the text, each once. They are to be fetched before it is read. */
export function remoteReferences(text: string): string[] {
  const found = new Set<string>();
  visit(parseDocument(text, { prettyErrors: false }), {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string') return;
      for (const [, scheme, name] of node.value.matchAll(REFERENCE)) {
        if (REMOTE.includes(scheme!)) found.add(`${scheme}:${name}`);
      }
    },
  });
  return [...found];
}

export function readDocument(options: DocumentOptions): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(options.text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number | undefined): number | undefined =>
    offset === undefined ? undefined : lines.linePos(offset).line;
  const faults: ConfigFault[] = document.errors.map((error) => ({
    path: '',
    line: lineAt(error.pos[0]),
    message:
      error.code === 'MULTIPLE_DOCS'
        ? 'a second document begins; write all in one'
        : `not valid YAML: ${withoutQuotes(error.message)}`,
    hint: undefined,
  }));
  const substitutedPaths = new Set<string>();
  let value: unknown;
  if (faults.length === 0) {
    const walk: Walk = { ...options, document, faults, substitutedPaths, lineAt };
    value = toValue(document.contents as Node | null, [], walk) ?? {};
  }
  return {
    value,
    faults,
    valueAt: (path) =>
      path.reduce<unknown>(
        (holder, part) =>
          typeof holder === 'object' && holder !== null && Object.hasOwn(holder, part)
            ? (holder as Record<PathPart, unknown>)[part]
            : undefined,
        value,
      ),
    line: (path) => lineAt(nearestOffset(document, path)),
    keyLine: (path, key) => lineAt(keyOffset(document, path, key)),
    substituted: (path) => substitutedPaths.has(joinPath(path)),
  };
}

/** `sources[0].kind` */
export function joinPath(path: readonly PathPart[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

interface Walk extends DocumentOptions {
  readonly document: Document;
  readonly faults: ConfigFault[];
  readonly substitutedPaths: Set<string>;
  lineAt(offset: number | undefined): number | undefined;
}

const DEPTH_MAX = 32;

function toValue(node: Node | null | undefined, path: readonly PathPart[], walk: Walk): unknown {
  if (node === null || node === undefined) return null;
  if (path.length > DEPTH_MAX) {
    walk.faults.push(fault(node, path, walk, 'nested too deeply', undefined));
    return null;
  }
  if (isAlias(node)) return toValue(node.resolve(walk.document), path, walk);
  if (isSeq(node)) return node.items.map((item, i) => toValue(item as Node, [...path, i], walk));
  if (isMap(node)) {
    const result: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const pair of node.items as Pair<Node, Node>[]) {
      const key = keyText(pair);
      result[key] = toValue(pair.value, [...path, key], walk);
    }
    return { ...result };
  }
  if (!isScalar(node)) return null;
  if (typeof node.value !== 'string') return node.value;
  return substitute(node.value, node, path, walk);
}

function substitute(text: string, node: Node, path: readonly PathPart[], walk: Walk): string {
  return text.replace(REFERENCE, (_, scheme: string, name: string) => {
    walk.substitutedPaths.add(joinPath(path));
    const found = lookUp(scheme, name, walk);
    if (typeof found === 'string') return found;
    walk.faults.push(fault(node, path, walk, found.message, found.hint));
    return '';
  });
}

function lookUp(scheme: string, name: string, walk: DocumentOptions): string | Missing {
  if (scheme === 'env') {
    return (
      walk.env[name] ?? {
        message: `environment variable ${name} is not set`,
        hint: `Set ${name}, or write the value in its place.`,
      }
    );
  }
  if (scheme === 'file') return readSecret(resolve(walk.folder, name), name);
  const fetched = walk.secrets?.get(`${scheme}:${name}`);
  if (fetched !== undefined) return fetched;
  return {
    message: `\${${scheme}:…} cannot be read`,
    hint: 'This version reads ${env:NAME}, ${file:PATH}, ${vault:PATH#FIELD}, ${awssm:NAME#FIELD}.',
  };
}

function readSecret(path: string, name: string): string | Missing {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > FILE_BYTES_MAX) {
      return {
        message: `file ${name} is larger than 64 KiB`,
        hint: 'It should hold one value only.',
      };
    }
    return bytes.toString('utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    return {
      message: `file ${name} cannot be read (${code})`,
      hint: 'Check path and permissions.',
    };
  }
}

function fault(
  node: Node,
  path: readonly PathPart[],
  walk: Walk,
  message: string,
  hint: string | undefined,
): ConfigFault {
  return { path: joinPath(path), line: walk.lineAt(node.range?.[0]), message, hint };
}

function keyText(pair: Pair<Node, unknown>): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

function pairOf(node: unknown, key: PathPart): Pair<Node, Node> | undefined {
  if (!isMap(node)) return undefined;
  return (node.items as Pair<Node, Node>[]).find((pair) => keyText(pair) === String(key));
}

function nearestOffset(document: Document, path: readonly PathPart[]): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined = (document.contents as Node | null)?.range?.[0];
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isSeq(node)) {
      node = node.items[Number(part)];
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
      continue;
    }
    const pair = pairOf(node, part);
    if (pair === undefined) return offset;
    offset = pair.key.range?.[0] ?? offset;
    node = pair.value;
  }
  return offset;
}

function keyOffset(document: Document, path: readonly PathPart[], key: string): number | undefined {
  return nearestOffset(document, [...path, key]);
}

/** The parser quotes pieces of the text in some messages; those could be secrets. */
function withoutQuotes(message: string): string {
  return message.replace(/(["'`]).*?\1/gs, '…').replace(/\s+/g, ' ');
}
