/** Paths of the file are relative to the file, so that a service may start in any folder. */
import { resolve } from 'node:path';
import type { Config } from '../../core/config.ts';

export function absolute(config: Config, folder: string): Config {
  const from = (path: string): string => resolve(folder, path);
  const { city, asn } = config.geography;
  return {
    ...withCertificates(config, from),
    state: { ...config.state, dir: from(config.state.dir) },
    sources: config.sources.map((source) => ({
      ...certified(source, from),
      ...(source.path === undefined
        ? {}
        : { path: typeof source.path === 'string' ? from(source.path) : source.path.map(from) }),
    })),
    keys: typeof config.keys === 'string' ? from(config.keys) : config.keys,
    geography: {
      ...(city === undefined ? {} : { city: from(city) }),
      ...(asn === undefined ? {} : { asn: from(asn) }),
    },
  };
}

type From = (path: string) => string;

function withCertificates(config: Config, from: From): Config {
  const { kafka, redis, elasticsearch } = config;
  return {
    ...config,
    tls: Object.fromEntries(
      Object.entries(config.tls).map(([name, files]) => [name, filesFrom(files, from)]),
    ),
    ...(kafka && { kafka: certified(kafka, from) }),
    ...(redis && { redis: certified(redis, from) }),
    ...(elasticsearch && { elasticsearch: certified(elasticsearch, from) }),
  };
}

function certified<T extends { readonly tls?: object | undefined }>(part: T, from: From): T {
  return part.tls === undefined ? part : { ...part, tls: filesFrom(part.tls, from) };
}

const FILES: readonly string[] = ['ca', 'cert', 'key', 'clientCa'];

function filesFrom<T extends object | undefined>(tls: T, from: From): T {
  if (tls === undefined) return tls;
  const entries = Object.entries(tls).map(([name, value]) => [
    name,
    FILES.includes(name) && typeof value === 'string' ? from(value) : value,
  ]);
  return Object.fromEntries(entries) as T;
}
