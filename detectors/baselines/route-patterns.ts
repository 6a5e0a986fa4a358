/**
 * Patterns of routes as an operator writes them: `[METHOD[,METHOD…] ]TEMPLATE`, where a template that ends in
 * `*` stands for all that begin so: `/admin/*`, `DELETE,PUT /v1/orders/{id}`, `iam.amazonaws.com:*`.
 *
 * What a pattern says of a route is remembered by the route's object, so an event costs one look-up.
 */
import type { Route } from '../../core/event.ts';

export const ROUTE_PATTERN = /^([A-Z]{1,16}(,[A-Z]{1,16})* )?[!-~]{1,128}$/;

interface Pattern {
  readonly text: string;
  /** Undefined: any. */
  readonly methods: readonly string[] | undefined;
  readonly template: string;
  readonly isPrefix: boolean;
}

interface Compiled {
  readonly patterns: readonly Pattern[];
  /** The patterns that a route meets, whatever the method. Undefined: none. */
  readonly byRoute: WeakMap<Route, readonly Pattern[]>;
}

/** A cache of what settings mean, not a state: any entry can be made again from its key. */
const COMPILED = new WeakMap<readonly string[], Compiled>();
const NONE: readonly Pattern[] = [];

/** The first pattern that the route and method meet, as it was written; '' when none does. */
export function patternOf(patterns: readonly string[], route: Route, method: string): string {
  if (patterns.length === 0) return '';
  let compiled = COMPILED.get(patterns);
  if (compiled === undefined) {
    compiled = { patterns: patterns.map(read), byRoute: new WeakMap() };
    COMPILED.set(patterns, compiled);
  }
  let met = compiled.byRoute.get(route);
  if (met === undefined) {
    met = compiled.patterns.filter((pattern) => meets(pattern, route.template));
    if (met.length === 0) met = NONE;
    compiled.byRoute.set(route, met);
  }
  for (const { methods, text } of met) {
    if (methods === undefined || methods.includes(method)) return text;
  }
  return '';
}

function read(text: string): Pattern {
  const space = text.indexOf(' ');
  const path = text.slice(space + 1);
  const isPrefix = path.endsWith('*');
  return {
    text,
    methods: space < 0 ? undefined : text.slice(0, space).split(','),
    template: isPrefix ? path.slice(0, -1) : path,
    isPrefix,
  };
}

function meets({ template, isPrefix }: Pattern, route: string): boolean {
  return isPrefix ? route.startsWith(template) : route === template;
}
