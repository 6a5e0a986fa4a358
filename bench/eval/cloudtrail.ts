/**
 * Real CloudTrail of attacked accounts, through `replay` as it is. The attack tool signs its calls with its own
 * name, which real thieves do not: everything is measured a second time with that name replaced.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { atLeast, type Incident } from '../../core/finding.ts';
import { runChild } from '../child.ts';
import { dataFolder } from './data.ts';
import type { Figure, Part } from './part.ts';

const TOOL = /stratus-red-team[\w-]*/g;
/** What the tool is built with. */
const PLAIN_AGENT = 'aws-sdk-go-v2/1.32.3 os/linux lang/go#1.23.2';
/** The key that otrf's SDAWS-200914011940.yaml shows being stolen. */
const OTRF_STOLEN = 'aws:ASIA5FLZVX4OPVKKVBMX';

interface Trail {
  readonly name: string;
  readonly text: string;
}

interface Call {
  readonly at: number;
  readonly subject: string;
  readonly byTool: boolean;
}

export const cloudtrailPart: Part = {
  name: 'cloudtrail',
  summary: 'CloudTrail of accounts attacked with Stratus Red Team, and of a stolen instance role',
  async run({ data, say }) {
    const folder = dataFolder(data, 'cloudtrail');
    const work = fs.mkdtempSync(path.join(os.tmpdir(), 'keyhound-eval-'));
    try {
      say('invictus');
      const invictus = await measureInvictus(trailsIn(path.join(folder, 'invictus')), work);
      say('otrf');
      const otrf = await incidentsOf(trailsIn(path.join(folder, 'otrf')), work);
      say('stratus');
      const stratus = await measureStratus(trailsIn(path.join(folder, 'stratus')), work, say);
      const stolen = highest(otrf.filter((i) => i.subject.id === OTRF_STOLEN));
      const figures = [
        ...invictus,
        {
          what: 'otrf: highest risk of an incident of the stolen key',
          value: stolen?.risk ?? 0,
          digits: 1,
        },
        ...stratus.figures,
      ];
      return {
        figures,
        notes: [
          'otrf: the thief made a dozen calls in 13 minutes with a key that the log had not shown before, from one ' +
            'address, with aws-cli, and read what the role may read. Without history or a declared scope nothing ' +
            'tells the thief from the owner.',
          ...stratus.notes,
        ],
        details: { stratus: stratus.details },
      };
    } finally {
      fs.rmSync(work, { recursive: true, force: true });
    }
  },
};

/** JSON files of CloudTrail; licences and descriptions beside them are left out. */
export function trailsIn(folder: string): Trail[] {
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({ name, text: fs.readFileSync(path.join(folder, name), 'utf8') }));
}

function hidden(trails: readonly Trail[]): Trail[] {
  return trails.map(({ name, text }) => ({ name, text: text.replace(TOOL, PLAIN_AGENT) }));
}

/** The last revision of every incident that had the highest risk, by `keyhound replay`. */
async function incidentsOf(trails: readonly Trail[], work: string): Promise<Incident[]> {
  const folder = fs.mkdtempSync(path.join(work, 'logs-'));
  for (const { name, text } of trails) fs.writeFileSync(path.join(folder, name), text);
  const { stdout } = await runChild(['cli/main.ts', 'replay', folder, '--json'], work);
  fs.rmSync(folder, { recursive: true });
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{"type":"incident"'))
    .map((line) => JSON.parse(line) as Incident);
}

/** With the tool's name, and without it. */
export async function measureInvictus(trails: readonly Trail[], work: string): Promise<Figure[]> {
  const calls = callsOf(trails);
  const tools = new Set(calls.filter((call) => call.byTool).map((call) => call.subject));
  const figures: Figure[] = [];
  for (const [name, shown] of [
    ['invictus', trails],
    ['invictus, the tool’s name hidden', hidden(trails)],
  ] as const) {
    const incidents = await incidentsOf(shown, work);
    figures.push(...invictusFigures(name, incidents, calls, tools));
  }
  return figures;
}

/** Exported for its test. `incidents`: every revision. */
export function invictusFigures(
  name: string,
  incidents: readonly Incident[],
  calls: readonly Call[],
  tools: ReadonlySet<string>,
): Figure[] {
  const top = highest(incidents);
  const others = incidents.filter(({ id }) => id !== top?.id);
  const next = highest(others)?.risk ?? 0;
  // From when on it was the worst of all that ever came.
  const leads = incidents.find(({ id, risk }) => id === top?.id && risk >= next);
  const firstAt = calls.find((call) => call.byTool && call.subject === top?.subject.id)?.at;
  const isTool = top !== undefined && tools.has(top.subject.id);
  const delay =
    isTool && leads && firstAt !== undefined ? Date.parse(leads.updatedAt) - firstAt : NaN;
  const innocent = incidents.filter(
    ({ severity, subject }) =>
      subject.kind === 'key' && !tools.has(subject.id) && atLeast(severity, 'medium'),
  );
  return [
    {
      what: `${name}: risk of the tool’s key, which is the highest (the next is ${next.toFixed(1)})`,
      value: isTool ? top.risk : NaN,
      digits: 1,
    },
    {
      what: `${name}: from its first call until it leads`,
      value: delay / 1000,
      digits: 0,
      unit: 's',
      line: { sense: 'atMost', value: 60 },
    },
    {
      what: `${name}: incidents of medium or more of other keys`,
      value: new Set(innocent.map(({ id }) => id)).size,
      digits: 0,
      line: { sense: 'atMost', value: 2 },
    },
  ];
}

function highest(incidents: readonly Incident[]): Incident | undefined {
  return incidents.reduce<Incident | undefined>(
    (top, incident) => (top === undefined || incident.risk > top.risk ? incident : top),
    undefined,
  );
}

async function measureStratus(trails: readonly Trail[], work: string, say: (text: string) => void) {
  const seen: { technique: string; calls: number; named: string[]; hidden: string[] }[] = [];
  for (const trail of trails) {
    const named = await incidentsOf([trail], work);
    const without = await incidentsOf(hidden([trail]), work);
    seen.push({
      technique: trail.name.replace(/\.json$/, ''),
      calls: callsOf([trail]).length,
      named: sentences(named),
      hidden: sentences(without),
    });
    if (seen.length % 5 === 0) say(`stratus: ${seen.length} of ${trails.length} techniques`);
  }
  const list = (of: typeof seen) =>
    of.map(({ technique, calls }) => `${technique} (${calls})`).join(', ');
  const unseen = seen.filter((one) => one.hidden.length === 0);
  const figures: Figure[] = [
    {
      what: `stratus: techniques of ${seen.length} that leave an incident`,
      value: seen.filter((one) => one.named.length > 0).length,
      digits: 0,
    },
    {
      what: `stratus: the same with the tool’s name hidden`,
      value: seen.length - unseen.length,
      digits: 0,
    },
  ];
  return {
    figures,
    notes: [
      `stratus, the tool’s name hidden: seen are ${list(seen.filter((one) => one.hidden.length > 0)) || 'none'}; ` +
        `not seen, with so many calls: ${list(unseen)}. Each file is all there is of its account: no key has a ` +
        'normal life to depart from.',
    ],
    details: seen,
  };
}

function sentences(incidents: readonly Incident[]): string[] {
  const last = new Map(incidents.map((incident) => [incident.id, incident]));
  return [...last.values()].map(({ risk, severity, why }) => `${severity} ${risk}: ${why}`);
}

/** Calls with a key, in order of time. */
function callsOf(trails: readonly Trail[]): Call[] {
  const records = trails.flatMap(({ text }) => recordsOf(text));
  return records
    .flatMap((record): Call[] => {
      const key = record.userIdentity?.accessKeyId;
      const at = Date.parse(record.eventTime ?? record['@timestamp'] ?? '');
      if (key === undefined) return [];
      return [
        { at, subject: `aws:${key}`, byTool: /stratus-red-team/.test(record.userAgent ?? '') },
      ];
    })
    .sort((a, b) => a.at - b.at);
}

interface TrailRecord {
  readonly eventTime?: string;
  readonly '@timestamp'?: string;
  readonly userAgent?: string;
  readonly userIdentity?: { readonly accessKeyId?: string };
}

/** `{"Records": […]}`, an array, or an object a line. */
function recordsOf(text: string): TrailRecord[] {
  try {
    const whole = JSON.parse(text) as { Records?: TrailRecord[] } | TrailRecord[];
    return Array.isArray(whole) ? whole : (whole.Records ?? []);
  } catch {
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as TrailRecord);
  }
}
