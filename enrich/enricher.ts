/**
 * Draft → event: identity, place, route, client. After `resolve` nothing of the raw key is left in the event.
 * When all parts were seen before nothing is allocated; what it costs: bench/enrich.ts.
 */
import type { KeyDirectory } from '../core/directory.ts';
import type { ApiEvent, KeyIdentity, Place } from '../core/event.ts';
import { REJECTION } from '../core/format.ts';
import { type EdgePlace, FIELD, fieldBytes, hasField, type RecordDraft } from '../core/record.ts';
import { Addresses } from './address.ts';
import { AliasTable } from './aliases.ts';
import { Blanking, type Label } from './blanking.ts';
import { Clients } from './clients.ts';
import type { Enricher, Flaw, SourceTraits } from './contract.ts';
import { Fingerprints } from './fingerprint.ts';
import type { Geography, GeographyInfo } from './geography.ts';
import { Identities } from './identity.ts';
import { KeyHasher } from './key-hasher.ts';
import { Labels } from './labels.ts';
import { methodOf } from './methods.ts';
import type { PepperKey } from './pepper.ts';
import { countryCodeOf, Places } from './place.ts';
import { Resources } from './resources.ts';
import { Routes } from './routes.ts';
import { Scopes } from './scopes.ts';
import { Target } from './target.ts';
import { isAttested, mayAct } from './trust.ts';

export interface EnricherOptions {
  readonly pepper: PepperKey;
  /** The pepper before, while it is being changed. */
  readonly previousPepper?: PepperKey | undefined;
  /** Whether there is a record of a key: asked while the pepper is being changed. Default: of none. */
  readonly knowsKey?: (key: KeyIdentity) => boolean;
  readonly geography: Geography;
  /** What keys are declared for. Default: nothing. */
  readonly directory?: Pick<KeyDirectory, 'all'>;
  /** Addresses or CIDR ranges of our own proxies. */
  readonly trustedProxies?: readonly string[];
  /** Keys that are remembered, and half as many as addresses. A power of two; default 65,536. */
  readonly cacheSlots?: number;
  /** Bindings of raw keys to credential ids and to former hashes; default 131,072. */
  readonly aliasesMax?: number;
}

export interface FullEnricher extends Enricher {
  /** Bindings of raw keys to credential ids; saved with the state. */
  readonly aliases: AliasTable;
  /** Replaces the bindings with those of a snapshot. */
  restoreAliases(snapshot: Uint8Array): void;
  /** Key of a raw key given by a person or a report; undefined for an empty one. */
  identify(rawKey: string): KeyIdentity | undefined;
  geographyInfo(now: number): GeographyInfo;
}

/** Seconds are kept in 32 bits, up to 2106; what lies outside is a broken clock or a unit mistaken for another. */
const AT_MIN = Date.UTC(2000, 0, 1);
const AT_END = Date.UTC(2100, 0, 1);
const CACHE_SLOTS = 65_536;
const ALIASES_MAX = 131_072;
const TEXT_SLOTS = 8192;
const ROUTE_SLOTS = 16_384;

/** Throws `usage` on an unusable trusted proxy. */
export function createEnricher(options: EnricherOptions): FullEnricher {
  return new Resolver(options);
}

class Resolver implements FullEnricher {
  readonly aliases: AliasTable;
  readonly flawed: Record<Flaw, number> = { address: 0, 'time-zone': 0, status: 0, number: 0 };
  readonly geographyVersion: string;
  readonly #geography: Geography;
  readonly #blanking = new Blanking();
  readonly #identities: Identities;
  readonly #addresses: Addresses;
  readonly #routes = new Routes(ROUTE_SLOTS);
  readonly #resources = new Resources();
  readonly #clients = new Clients(TEXT_SLOTS);
  readonly #consumers = new Labels(TEXT_SLOTS);
  readonly #places = new Places();
  readonly #fingerprints = new Fingerprints();
  readonly #target = new Target();
  readonly #scopes: Scopes;

  constructor(options: EnricherOptions) {
    const cacheSlots = options.cacheSlots ?? CACHE_SLOTS;
    this.#scopes = new Scopes(options.directory ?? { all: () => [] });
    this.#geography = options.geography;
    this.geographyVersion = options.geography.version;
    this.aliases = new AliasTable(options.aliasesMax ?? ALIASES_MAX);
    this.#identities = new Identities({
      hasher: new KeyHasher({
        pepper: options.pepper.key,
        previous: options.previousPepper?.key,
        aliases: this.aliases,
        knowsKey: options.knowsKey ?? (() => false),
      }),
      aliases: this.aliases,
      blanking: this.#blanking,
      cacheSlots,
    });
    this.#addresses = new Addresses({
      geography: options.geography,
      trustedProxies: options.trustedProxies ?? [],
      cacheSlots: 2 * cacheSlots,
    });
  }

  ahead(drafts: readonly RecordDraft[], count: number, traits: SourceTraits): number {
    const identities = this.#identities;
    const addresses = this.#addresses;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      this.#target.read(drafts[i]!);
      sum ^= addresses.touch(drafts[i]!) ^ identities.touch(drafts[i]!, traits, this.#target);
    }
    for (let i = 0; i < count; i++) {
      sum ^= addresses.touchEntry(drafts[i]!) ^ identities.touchEntry(drafts[i]!);
    }
    return sum;
  }

  resolve(draft: RecordDraft, traits: SourceTraits, event: ApiEvent): number {
    // NaN too.
    if (!(draft.at >= AT_MIN && draft.at < AT_END)) return REJECTION.noTime;
    const identities = this.#identities;
    this.#target.read(draft);
    const address = this.#addresses.resolve(draft);
    const rejection = identities.resolve(draft, traits, address, this.#target);
    if (rejection !== REJECTION.ok) return rejection;
    if (address.kind === 'flawed') this.flawed.address += 1;
    event.at = draft.at;
    event.key = identities.key;
    event.attested = isAttested(draft, traits, identities);
    event.mayAct = mayAct(draft, traits, identities);
    event.auth = draft.auth;
    event.limitedBy = draft.limitedBy;
    this.#numbers(draft, event);
    event.place =
      draft.place === undefined ? address.place : this.#edge(draft.place, address.place);
    event.network = address.network;
    event.networkId = address.networkId;
    this.#texts(draft, event);
    event.environment = traits.environment ?? '';
    event.scopeBreaches = this.#scopes.breaches(event, address);
    this.#resource(traits, event);
    this.#fingerprints.fill(draft, traits.format.requestId === 'gateway', this.#target, event);
    return REJECTION.ok;
  }

  restoreAliases(snapshot: Uint8Array): void {
    this.aliases.restore(snapshot);
  }

  identify(rawKey: string): KeyIdentity | undefined {
    return this.#identities.ofRawKey(rawKey);
  }

  geographyInfo(now: number): GeographyInfo {
    return this.#geography.info(now);
  }

  #texts(draft: RecordDraft, event: ApiEvent): void {
    const { field, parameter } = this.#identities;
    const route = this.#routes.resolve(draft, this.#target);
    event.route = this.#blanking.route(parameter, this.#blanking.route(field, route));
    event.client = this.#clients.resolve(draft);
    event.fromBrowser = hasField(draft, FIELD.origin) || hasField(draft, FIELD.secFetch);
    event.consumer = this.#identities.context?.consumer ?? this.#consumer(draft);
    const method = methodOf(draft);
    event.method = this.#hidden(draft, FIELD.method, method) ? '' : method.text;
  }

  #resource(traits: SourceTraits, event: ApiEvent): void {
    const resources = this.#resources;
    // The last id may be the key itself: not even its hash is kept.
    if (traits.key?.kind === 'path') resources.none();
    else resources.read(this.#target);
    event.resource = resources.code;
    event.resourceNumber = resources.number;
  }

  #consumer(draft: RecordDraft): string {
    const consumer = this.#consumers.resolve(draft, FIELD.consumer);
    const text = this.#hidden(draft, FIELD.consumer, consumer) ? '' : consumer.text;
    this.#identities.remember(text);
    return text;
  }

  #hidden(draft: RecordDraft, field: number, label: Label): boolean {
    const start = draft.start[field]!;
    if (start < 0 || label.text === '') return false;
    const end = Math.min(draft.end[field]!, start + FULL_MAX);
    const bytes = fieldBytes(draft, field);
    const { field: own, parameter } = this.#identities;
    return (
      this.#blanking.hides(own, label, bytes, start, end) ||
      this.#blanking.hides(parameter, label, bytes, start, end)
    );
  }

  #numbers(draft: RecordDraft, event: ApiEvent): void {
    const { status } = draft;
    const known = status === 0 || (status >= 100 && status <= 599);
    if (!known) this.flawed.status += 1;
    event.status = known ? status : 0;
    event.durationMs = this.#amount(draft.durationMs);
    event.bytesIn = this.#amount(draft.bytesIn);
    event.bytesOut = this.#amount(draft.bytesOut);
  }

  #amount(value: number): number {
    if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value;
    if (value !== -1) this.flawed.number += 1;
    return -1;
  }

  /** The edge's own place where it names a country; its texts must not show a key either. */
  #edge(edge: EdgePlace, byAddress: Place): Place {
    if (countryCodeOf(edge.country.toUpperCase()) === 0) return byAddress;
    return this.#places.place({
      country: edge.country,
      region: this.#clean(edge.region),
      city: this.#clean(edge.city),
      latitude: Number.isFinite(edge.latitude) ? edge.latitude : null,
      longitude: Number.isFinite(edge.longitude) ? edge.longitude : null,
      radiusKm: Number.isFinite(edge.radiusKm) ? edge.radiusKm : null,
      timeZone: '',
      asn: Number.isSafeInteger(edge.asn) && edge.asn > 0 ? edge.asn : 0,
    });
  }

  #clean(text: string): string {
    const bytes = Buffer.from(text.slice(0, FULL_MAX), 'utf8').toString('latin1');
    const { field, parameter } = this.#identities;
    const shows =
      this.#blanking.hidesText(field, bytes) || this.#blanking.hidesText(parameter, bytes);
    return shows ? '' : text;
  }
}

/** Longest text that is searched for a key, bytes; a longer one is cut to far less before it is kept. */
const FULL_MAX = 4096;
