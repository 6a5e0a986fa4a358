/** Where sealed pre-images are kept: bytes that mean nothing without a key from elsewhere. Drivers: files, Redis. */
export interface SealStore {
  /** Replaces what is there under the name (at most 64 of [a-z0-9-]). Durable when it resolves. */
  put(name: string, sealed: Uint8Array): Promise<void>;
  get(name: string): Promise<Uint8Array | undefined>;
  remove(name: string): Promise<void>;
  names(): Promise<readonly string[]>;
}
