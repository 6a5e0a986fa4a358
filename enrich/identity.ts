/**
 * Which key a record is a use of.
 *
 * 1. Without `--key`: the gateway's credential id; else the raw key; else a query parameter that may carry one.
 * 2. With `--key` naming a place of the credential itself (header, query, bearer, cookie): the same, the raw
 *    key from that place; a credential id still wins, because the gateway knows better whose key it was.
 * 3. With `--key` naming something else (field, basic, jwt, path, client_ip): that, whatever else is there.
 *
 * Two different raw keys in one record are ambiguous, unless the gateway names the credential: otherwise any
 * client could hide from its own baseline by adding `?api_key=x`. Such a record binds no alias.
 */
import { type KeyIdentity, NO_KEY } from '../core/event.ts';
import { REJECTION } from '../core/format.ts';
import type { KeySpec } from '../core/key-spec.ts';
import { FIELD, fieldBytes, HINT, type RecordDraft } from '../core/record.ts';
import type { Address } from './address.ts';
import type { AliasTable } from './aliases.ts';
import { type Blanking, Shown } from './blanking.ts';
import { type Context, Contexts } from './contexts.ts';
import type { SourceTraits } from './contract.ts';
import { type Credential, Credentials } from './credentials.ts';
import { sameIdentity } from './digest.ts';
import { extractorOf } from './key-extract.ts';
import type { KeyHasher } from './key-hasher.ts';
import { FOUND, QueryFinder } from './query.ts';
import { type RawKey, RawKeys } from './raw-keys.ts';
import { isAbsentValue } from './scratch.ts';
import type { Target } from './target.ts';
import { BY_GATEWAY, isAttested, type KeyOrigin } from './trust.ts';

const PATH_BYTES_MAX = 4096;
const ENCODER = new TextEncoder();

/** What is prepared once per source. */
interface SourceKeys {
  readonly credentials: Credentials;
  readonly fieldKeys: RawKeys;
  readonly names: readonly Uint8Array[];
  /** The spec names the credential itself, so a credential id may take its place. */
  readonly credentialFirst: boolean;
  /** The key depends on fields alone, not on target or address: what was found out can be recalled. */
  readonly byFields: boolean;
  readonly contexts: Contexts;
}

export interface IdentitiesOptions {
  readonly hasher: KeyHasher;
  readonly aliases: AliasTable;
  readonly blanking: Blanking;
  readonly cacheSlots: number;
}

export class Identities implements KeyOrigin {
  readonly #options: IdentitiesOptions;
  readonly #plain: RawKeys;
  readonly #rawKeys = new Map<string, RawKeys>();
  readonly #credentials = new Map<string, Credentials>();
  readonly #sources = new Map<SourceTraits, SourceKeys>();
  #traits: SourceTraits | undefined;
  #source: SourceKeys | undefined;
  readonly #query = new QueryFinder();

  /** Of the record last resolved: the key, where it was taken from, and the raw keys that it shows. */
  key: KeyIdentity = NO_KEY;
  bySpec = false;
  byParameter = false;
  readonly field = new Shown();
  readonly parameter = new Shown();
  /** Set when this record's credential id, raw key and consumer were seen together before. */
  context: Context | undefined;
  #bindTo: Credential | undefined;
  #byRaw = false;
  #hashed: KeyIdentity | undefined;
  #recallable = false;

  constructor(options: IdentitiesOptions) {
    this.#options = options;
    this.#plain = this.#rawKeysOf(undefined);
  }

  /** Identity of a raw key that a person or a leak report gives; the credential's where it is known. */
  ofRawKey(text: string): KeyIdentity | undefined {
    const bytes = ENCODER.encode(text);
    const { identity, former } = this.#plain.lookUp(bytes, 0, bytes.length);
    return identity === undefined ? undefined : this.#options.hasher.find(identity, former);
  }

  /**
   * First step of looking ahead: notes in the draft's hints where the key is and its hash, and reads the table that
   * it is looked up in.
   */
  touch(draft: RecordDraft, traits: SourceTraits, target: Target): number {
    const source = (traits === this.#traits && this.#source) || this.#switchTo(traits);
    const { hints } = draft;
    if (target.present && target.queryStart >= 0) {
      const query = this.#query;
      const found = query.find(target.bytes, target.queryStart, target.end, source.names);
      if (found !== FOUND.none) {
        if (found === FOUND.differing || !query.inPlace) return 0;
        const hash = this.#plain.hash(query.bytes, query.start, query.end);
        hints[HINT.parameterFrom] = query.start;
        hints[HINT.parameterTo] = query.end;
        hints[HINT.key] = hash;
        return this.#plain.touch(hash);
      }
      hints[HINT.parameterFrom] = -1;
    }
    return source.byFields ? source.contexts.touch(draft) : 0;
  }

  /** Second step. */
  touchEntry(draft: RecordDraft): number {
    const hash = draft.hints[HINT.key]!;
    if (draft.hints[HINT.parameterFrom]! > 0) return this.#plain.touchEntry(hash);
    return this.#source?.contexts.touchEntry(draft) ?? 0;
  }

  /** Answers an index of REJECTIONS and fills the public fields. */
  resolve(draft: RecordDraft, traits: SourceTraits, address: Address, target: Target): number {
    const source = (traits === this.#traits && this.#source) || this.#switchTo(traits);
    const spec = traits.key;
    this.bySpec = spec !== undefined;
    this.#bindTo = undefined;
    this.#byRaw = false;
    this.#hashed = undefined;
    this.byParameter = false;
    const queried = this.#showParameter(draft, target, source);
    this.#recallable = source.byFields && queried === FOUND.none;
    this.context = this.#recallable ? source.contexts.find(draft) : undefined;
    if (this.context !== undefined) return this.#recall(this.context, draft, traits, source);
    const own = this.#showField(draft, source);
    if (spec !== undefined && !source.credentialFirst) {
      return this.#bySpec(target, spec, own, address);
    }
    const differing = queried === FOUND.differing || this.#differ(spec, own, queried);
    const raw = spec?.kind === 'query' ? this.parameter.key : (own ?? this.#ofParameter(spec));
    const credential = this.#credential(draft, source);
    if (credential !== undefined) {
      this.bySpec = false;
      return this.#byCredential(draft, traits, credential, differing ? undefined : raw);
    }
    if (differing || raw?.ambiguous === true) return REJECTION.ambiguousKey;
    this.byParameter = own === undefined;
    return this.#accept(raw);
  }

  #bySpec(target: Target, spec: KeySpec, own: RawKey | undefined, address: Address): number {
    if (spec.kind === 'client_ip') {
      if (address.identity === undefined) return REJECTION.noKey;
      this.key = address.identity;
      return REJECTION.ok;
    }
    const raw = spec.kind === 'path' ? this.#showPath(target, spec.pattern) : own;
    return raw?.ambiguous === true ? REJECTION.ambiguousKey : this.#accept(raw);
  }

  #accept(raw: RawKey | undefined): number {
    if (raw?.identity === undefined) return REJECTION.noKey;
    this.#byRaw = true;
    this.key = this.#known(raw, raw.identity);
    return REJECTION.ok;
  }

  #known(raw: RawKey, own: KeyIdentity): KeyIdentity {
    const { aliases, hasher } = this.#options;
    if (raw.known === undefined || raw.aliasVersion !== aliases.version) {
      raw.known = hasher.known(own, raw.former);
      raw.aliasVersion = aliases.version;
    }
    return raw.known;
  }

  /** A credential id that shows the raw key itself may not be seen: the key is known by its hash then. */
  #byCredential(
    draft: RecordDraft,
    traits: SourceTraits,
    credential: Credential,
    raw: RawKey | undefined,
  ): number {
    const { identity } = credential;
    if (credential.ofRawKey) this.#hashed = identity;
    this.key = this.#hashed === undefined ? identity : this.#bound(identity);
    const shownBy = this.#shownBy(draft, credential);
    if (shownBy !== undefined) {
      if (shownBy.identity !== undefined) return this.#accept(shownBy);
      this.key = this.#hashOf(draft, FIELD.credentialId);
      return REJECTION.ok;
    }
    if (raw?.identity !== undefined && credential.named) {
      this.#bindTo = credential;
      if (isAttested(draft, traits, BY_GATEWAY)) {
        this.#options.aliases.bind(raw.identity.id, credential.identity);
      }
    }
    return REJECTION.ok;
  }

  /** Remembers the record last resolved, with the consumer as it is shown. */
  remember(consumer: string): void {
    const source = this.#source;
    if (!this.#recallable || source === undefined) return;
    source.contexts.add({
      key: this.key,
      bySpec: this.bySpec,
      byRaw: this.#byRaw,
      raw: this.field.key,
      hashed: this.#hashed,
      bindTo: this.#bindTo,
      consumer,
      version: -1,
    });
  }

  #recall(context: Context, draft: RecordDraft, traits: SourceTraits, source: SourceKeys): number {
    const { raw } = context;
    if (raw === undefined) this.field.clear();
    else {
      const bytes = fieldBytes(draft, FIELD.rawKey);
      const start = draft.start[FIELD.rawKey]!;
      this.field.point(raw, source.fieldKeys, bytes, start, draft.end[FIELD.rawKey]!);
    }
    const { aliases } = this.#options;
    const now = context.bindTo === undefined ? aliases.version : aliases.removals;
    if (context.version !== now) this.#settle(context, draft, traits, now);
    this.key = context.key;
    this.bySpec = context.bySpec;
    return REJECTION.ok;
  }

  /** Checks a context against the alias table, which has changed. */
  #settle(context: Context, draft: RecordDraft, traits: SourceTraits, now: number): void {
    const { raw, bindTo, hashed } = context;
    const { aliases } = this.#options;
    if (hashed !== undefined) context.key = this.#bound(hashed);
    else if (raw?.identity !== undefined) {
      if (bindTo !== undefined) {
        // Until an attested record has bound them, and while they conflict, every record is looked at.
        if (!isAttested(draft, traits, BY_GATEWAY)) return;
        const bound = aliases.bind(raw.identity.id, bindTo.identity);
        if (!sameIdentity(bound, bindTo.identity)) return;
      } else if (context.byRaw) {
        context.key = this.#known(raw, raw.identity);
      }
    }
    context.version = now;
  }

  /** The credential that the hash of a raw key is bound to. */
  #bound(hashed: KeyIdentity): KeyIdentity {
    return this.#options.aliases.find(hashed.id) ?? hashed;
  }

  #hashOf(draft: RecordDraft, field: number): KeyIdentity {
    const bytes = fieldBytes(draft, field);
    return this.#options.hasher.identify(bytes, draft.start[field]!, draft.end[field]!);
  }

  /** The raw key that the credential id gives away, if it does. */
  #shownBy(draft: RecordDraft, credential: Credential): RawKey | undefined {
    const bytes = fieldBytes(draft, FIELD.credentialId);
    const start = draft.start[FIELD.credentialId]!;
    const end = draft.end[FIELD.credentialId]!;
    const { blanking } = this.#options;
    if (blanking.hides(this.field, credential, bytes, start, end)) return this.field.key;
    if (blanking.hides(this.parameter, credential, bytes, start, end)) return this.parameter.key;
    return undefined;
  }

  #credential(draft: RecordDraft, source: SourceKeys): Credential | undefined {
    const start = draft.start[FIELD.credentialId]!;
    if (start < 0) return undefined;
    const bytes = fieldBytes(draft, FIELD.credentialId);
    const end = draft.end[FIELD.credentialId]!;
    return isAbsentValue(bytes, start, end)
      ? undefined
      : source.credentials.lookUp(bytes, start, end);
  }

  #showField(draft: RecordDraft, source: SourceKeys): RawKey | undefined {
    this.field.clear();
    const start = draft.start[FIELD.rawKey]!;
    if (start < 0) return undefined;
    const bytes = fieldBytes(draft, FIELD.rawKey);
    const end = draft.end[FIELD.rawKey]!;
    if (isAbsentValue(bytes, start, end)) return undefined;
    return this.field.set(source.fieldKeys, bytes, start, end);
  }

  #showParameter(draft: RecordDraft, target: Target, source: SourceKeys): number {
    this.parameter.clear();
    if (!target.present || target.queryStart < 0) return FOUND.none;
    const from = draft.hints[HINT.parameterFrom]!;
    if (from > 0) {
      const to = draft.hints[HINT.parameterTo]!;
      this.parameter.set(this.#plain, target.bytes, from, to, draft.hints[HINT.key]!);
      return FOUND.one;
    }
    if (from < 0) return FOUND.none;
    const query = this.#query;
    const found = query.find(target.bytes, target.queryStart, target.end, source.names);
    if (found === FOUND.none) return found;
    this.parameter.set(this.#plain, query.bytes, query.start, query.end);
    return found;
  }

  /** Header and query differ. With a spec, only the place it names counts. */
  #differ(spec: KeySpec | undefined, own: RawKey | undefined, queried: number): boolean {
    if (spec !== undefined || own === undefined || queried === FOUND.none) return false;
    const parameter = this.parameter.key;
    if (own.identity === undefined || parameter?.identity === undefined) return false;
    return !sameIdentity(own.identity, parameter.identity);
  }

  #ofParameter(spec: KeySpec | undefined): RawKey | undefined {
    return spec === undefined ? this.parameter.key : undefined;
  }

  /** Allocates: a regular expression needs text. */
  #showPath(target: Target, pattern: RegExp): RawKey | undefined {
    if (!target.present) return undefined;
    const end = Math.min(target.pathEnd, target.pathStart + PATH_BYTES_MAX);
    const text = new TextDecoder().decode(target.bytes.subarray(target.pathStart, end));
    const match = pattern.exec(text);
    const key = match === null ? '' : (match[1] ?? match[0]);
    const decoded = ENCODER.encode(decodeOnce(key));
    if (isAbsentValue(decoded, 0, decoded.length)) return undefined;
    return this.parameter.set(this.#plain, decoded, 0, decoded.length);
  }

  /** Records come in runs of one source. */
  #switchTo(traits: SourceTraits): SourceKeys {
    const source = this.#sources.get(traits) ?? this.#prepare(traits);
    this.#source = source;
    this.#traits = traits;
    return source;
  }

  #prepare(traits: SourceTraits): SourceKeys {
    const spec = traits.key;
    const { hasher, cacheSlots } = this.#options;
    const { gateway } = traits.format;
    let credentials = this.#credentials.get(gateway);
    if (credentials === undefined) {
      credentials = new Credentials(gateway, hasher, cacheSlots);
      this.#credentials.set(gateway, credentials);
    }
    const names = spec?.kind === 'query' ? [spec.name] : traits.keyNames;
    const prepared: SourceKeys = {
      contexts: new Contexts(cacheSlots),
      byFields: spec === undefined || !ELSEWHERE.has(spec.kind),
      credentials,
      fieldKeys: this.#rawKeysOf(spec),
      names: names.map((name) => ENCODER.encode(name.toLowerCase())),
      credentialFirst: spec === undefined || CREDENTIAL_PLACES.has(spec.kind),
    };
    this.#sources.set(traits, prepared);
    return prepared;
  }

  #rawKeysOf(spec: KeySpec | undefined): RawKeys {
    const { hasher, cacheSlots } = this.#options;
    const extractor = extractorOf(spec);
    let keys = this.#rawKeys.get(extractor.signature);
    if (keys === undefined) {
      keys = new RawKeys(extractor, hasher, cacheSlots);
      this.#rawKeys.set(extractor.signature, keys);
    }
    return keys;
  }
}

const CREDENTIAL_PLACES: ReadonlySet<KeySpec['kind']> = new Set([
  'header',
  'query',
  'bearer',
  'cookie',
]);

/** Places of a key outside of the fields that a context is known by. */
const ELSEWHERE: ReadonlySet<KeySpec['kind']> = new Set(['query', 'path', 'client_ip']);

function decodeOnce(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
