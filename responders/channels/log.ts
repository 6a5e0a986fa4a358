/** Writes alerts into the program's own log: needs nobody, and cannot fail. */
import { z } from 'zod';
import type { Alert, Channel, ChannelKind, ChannelMessage, SendResult } from '../../core/alert.ts';
import { andMore, clip, clipLines, clipName, markOf, messageId } from './texts.ts';

const config = z.strictObject({});
type Config = z.infer<typeof config>;

export const log = {
  kind: 'log',
  summary: 'the program’s own log',
  config,
  create(_config: Config, tools): Channel {
    const { name } = tools;
    return Object.freeze({
      name,
      kind: 'log',
      perSecond: 100,
      alertsMax: 20,
      waitingMax: 20,
      replaces: false,

      render(alerts: readonly Alert[], more: number): ChannelMessage {
        const titles = alerts.map((alert) => `[${markOf(alert)}] ${clip(alert.title, 200)}`);
        const line: Line = {
          title: [...titles, ...(more === 0 ? [] : [andMore(more)])].join('; '),
          alerts: alerts.map(forLog),
          more,
        };
        return { id: messageId(name, alerts, more), body: JSON.stringify(line), headers: {} };
      },

      async send({ id, body }: ChannelMessage): Promise<SendResult> {
        const { title, alerts, more } = JSON.parse(body) as Line;
        tools.log({ channel: name, message: id, alerts, more }, title);
        return { sent: true };
      },
    });
  },
} as const satisfies ChannelKind<Config>;

interface Line {
  readonly title: string;
  readonly alerts: readonly object[];
  readonly more: number;
}

/** Logs end in terminals too: no text of it can steer one. */
function forLog(alert: Alert): object {
  const { id, revision, kind, state, severity, subject, text, facts, done, undo } = alert;
  return {
    id: clip(id, 200),
    ...{ revision, kind, state, severity },
    ...(subject === undefined ? {} : { subject: clipName(subject) }),
    text: clipLines(text, 2000),
    facts: facts.map(([name, value]) => `${clip(name, 60)}: ${clip(value, 300)}`),
    done: done.map((line) => clip(line, 300)),
    ...(undo === undefined ? {} : { undo: clip(undo, 300) }),
  };
}
