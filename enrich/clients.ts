/**
 * User agent → client family out of a fixed vocabulary. No text of the agent is kept, so nothing that a
 * client writes there can reach an output, and an attacker cannot mint new families.
 *
 * Rules run in order, the first that matches wins: libraries name themselves in front of the runtime they
 * use, and browsers all claim to be each other. Only the first 256 bytes are looked at.
 */
import { type ClientFamily, UNKNOWN_CLIENT } from '../core/event.ts';
import { hashText } from '../core/hash.ts';
import { FIELD, fieldBytes, type RecordDraft } from '../core/record.ts';
import { ByteCache } from './byte-cache.ts';

const LOOKED_AT_BYTES = 256;

/** Name → pattern, most specific first. Patterns are anchored or plain words: none backtracks. */
const RULES: readonly (readonly [string, RegExp])[] = [
  ['aws-cli', /^\[?aws-cli\//],
  ['boto3', /^\[?(boto3|botocore|boto)\//],
  ['terraform', /\bterraform[\s/-]/],
  ['pulumi', /\bpulumi/],
  ['ansible', /\bansible/],
  ['aws-sdk-go', /^\[?aws-sdk-go(-v2)?\//],
  ['aws-sdk-java', /^\[?aws-sdk-(java|kotlin)\//],
  ['aws-sdk-js', /^\[?aws-sdk-(js|nodejs)\//],
  ['aws-sdk-other', /^\[?aws-(sdk-[a-z-]+|internal)\//],
  ['aws-console', /^\[?(s3console|console\.amazonaws|aws-console|signin\.amazonaws)/],
  ['aws-service', /^[a-z0-9.-]+\.amazonaws\.com$/],
  [
    'bot',
    /bot\b|crawl|spider|slurp|facebookexternalhit|pingdom|uptimerobot|monitoring|headlesschrome/,
  ],
  ['scanner', /sqlmap|nikto|nuclei|masscan|zgrab|nmap|gobuster|dirbuster|wpscan|stratus-red-team/],
  ['postman', /^postmanruntime|postman\//],
  ['insomnia', /^insomnia\//],
  ['k6', /^(grafana )?k6\//],
  ['load-test', /^(wrk|hey|vegeta|apachebench|apache-jmeter|locust|artillery|gatling)\b/],
  ['curl', /^curl\b|libcurl/],
  ['wget', /^wget\b/],
  ['httpie', /^httpie\//],
  ['powershell', /powershell/],
  ['python-requests', /^python-requests\b/],
  ['python-urllib', /^python-urllib|urllib3/],
  ['aiohttp', /aiohttp\//],
  ['httpx', /httpx\//],
  ['okhttp', /^okhttp\b/],
  ['apache-httpclient', /^apache-httpclient|^jakarta commons-httpclient/],
  ['java', /^java(\/|-http-client)|^reactornetty|^spring/],
  ['go-http-client', /^go-http-client|^go \d|^go-resty/],
  ['axios', /^axios\b/],
  ['node-fetch', /^node-fetch\b/],
  ['undici', /^undici\b|^node(\.js)?(\/|$)/],
  ['got', /^got\b|sindresorhus\/got/],
  ['guzzle', /^guzzlehttp/],
  ['php', /^php\b/],
  ['ruby', /^ruby|^faraday|^rest-client|^typhoeus/],
  ['dotnet', /^\.net|^dotnet|^restsharp|^system\.net\.http|microsoft\.net/],
  ['rust', /^reqwest|^hyper\/|^ureq/],
  ['perl', /^libwww-perl|^lwp::|^mojolicious/],
  ['dart', /^dart\//],
  ['apple-native', /cfnetwork\/|darwin\//],
  ['edge', /^mozilla\/.* edg(e|a|ios)?\//],
  ['opera', /^opera\/|^mozilla\/.* opr\//],
  ['firefox', /^mozilla\/.*(firefox|fxios)\//],
  ['chrome', /^mozilla\/.*(chrome|chromium|crios)\//],
  ['safari', /^mozilla\/.*safari\//],
  ['internet-explorer', /^mozilla\/.*(msie |trident\/)/],
  ['browser-other', /^mozilla\//],
];

function family(name: string): ClientFamily {
  return Object.freeze({ name, code: hashText(name) || 1 });
}

const EMPTY = family('empty');
const OTHER = family('other');
const BY_RULE = RULES.map(([name]) => family(name));

/** Every family there is, for docs and for the console. */
export const CLIENT_FAMILIES: readonly ClientFamily[] = [UNKNOWN_CLIENT, EMPTY, ...BY_RULE, OTHER];

/** Family of a user agent's text. */
export function clientFamilyOf(agent: string): ClientFamily {
  const text = agent.slice(0, LOOKED_AT_BYTES).trim().toLowerCase();
  if (text === '' || text === '-') return EMPTY;
  const index = RULES.findIndex(([, pattern]) => pattern.test(text));
  return BY_RULE[index] ?? OTHER;
}

export class Clients {
  readonly #cache: ByteCache<ClientFamily>;

  constructor(cacheSlots: number) {
    this.#cache = new ByteCache(cacheSlots, LOOKED_AT_BYTES + 2);
  }

  /** UNKNOWN_CLIENT when the log has no such field; `empty` when the client sent none. */
  resolve(draft: RecordDraft): ClientFamily {
    const start = draft.start[FIELD.userAgent]!;
    if (start < 0) return UNKNOWN_CLIENT;
    const bytes = fieldBytes(draft, FIELD.userAgent);
    const end = Math.min(draft.end[FIELD.userAgent]!, start + LOOKED_AT_BYTES);
    const known = this.#cache.get(bytes, start, end);
    if (known !== undefined) return known;
    const made = clientFamilyOf(Buffer.from(bytes.subarray(start, end)).toString('latin1'));
    this.#cache.set(bytes, start, end, made);
    return made;
  }
}
