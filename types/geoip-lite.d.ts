/** geoip-lite is CommonJS without types. Only what we call is declared. */
declare module 'geoip-lite' {
  export interface Lookup {
    readonly country: string;
    readonly region: string;
    readonly city: string;
    readonly timezone?: string;
    /** First and last address, as numbers, of a look-up by number. */
    readonly range: readonly [number, number];
    /** Latitude and longitude; null where the data has none. */
    readonly ll: readonly [number | null, number | null];
    /** Accuracy radius, km. */
    readonly area?: number;
  }
  /** Null for an address that the data does not cover. Text is checked strictly, as node:net does. */
  export function lookup(address: string | number): Lookup | null;
}
