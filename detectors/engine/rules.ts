/**
 * Silences and the allowlist, found by what they cover: a finding under way asks this for every score that counts,
 * so each rule stands under its narrowest criterion, and only those that may match are looked at.
 */
import { type Criteria, RULES_MAX, type Rule } from '../../core/control.ts';

/** What a rule is held against. */
export interface Seen {
  readonly subject: string;
  readonly label: string | undefined;
  readonly consumer: string | undefined;
  readonly detector: string;
  /** ISO code of where the event came from; '' when nobody knows, or when there is no event. */
  readonly country: string;
  /** ApiEvent.network; 0 for none. */
  readonly network: number;
}

export class RuleBook {
  /** In the order of the sequence, by id. */
  private readonly rules = new Map<string, Rule>();
  private readonly index = new Map<string, Rule[]>();
  /** Event time at which the next of them ends, or one that was removed would have. */
  private endsNext = Number.POSITIVE_INFINITY;
  /** Rules that came when there were RULES_MAX. */
  dropped = 0;

  get size(): number {
    return this.rules.size;
  }

  all(): Rule[] {
    return [...this.rules.values()];
  }

  get(id: string): Rule | undefined {
    return this.rules.get(id);
  }

  /** What has ended by `at` makes room. */
  add(rule: Rule, at: number): void {
    if (this.endsNext <= at) this.prune(at);
    if (this.rules.size >= RULES_MAX) {
      this.dropped++;
      return;
    }
    this.rules.set(rule.id, rule);
    this.endsNext = Math.min(this.endsNext, rule.untilAt ?? Number.POSITIVE_INFINITY);
    for (const name of namesOf(rule)) {
      const others = this.index.get(name);
      if (others === undefined) this.index.set(name, [rule]);
      else others.push(rule);
    }
  }

  private prune(at: number): void {
    this.endsNext = Number.POSITIVE_INFINITY;
    for (const { id, untilAt } of this.all()) {
      if (untilAt === null) continue;
      if (untilAt <= at) this.remove(id);
      else this.endsNext = Math.min(this.endsNext, untilAt);
    }
  }

  remove(id: string): Rule | undefined {
    const rule = this.rules.get(id);
    if (rule === undefined) return undefined;
    this.rules.delete(id);
    for (const name of namesOf(rule)) {
      const others = this.index.get(name)!.filter((other) => other !== rule);
      if (others.length === 0) this.index.delete(name);
      else this.index.set(name, others);
    }
    return rule;
  }

  /** The rule that holds at an instant: the allowlist first, then what was said first. */
  find(seen: Seen, at: number): Rule | undefined {
    let found: Rule | undefined;
    for (const name of namesSeen(seen)) {
      for (const rule of this.index.get(name) ?? []) {
        if (!covers(rule, seen) || (rule.untilAt !== null && rule.untilAt <= at)) continue;
        if (rule.kind === 'allow') return rule;
        found ??= rule;
      }
    }
    return found;
  }
}

/** Where a rule stands: under the criterion that fewest events meet. */
function namesOf(rule: Rule): string[] {
  if (rule.subject !== undefined) return [`subject ${rule.subject}`];
  if (rule.label !== undefined) return [`label ${rule.label}`];
  if (rule.networks !== undefined) return rule.networks.map((network) => `network ${network}`);
  if (rule.consumer !== undefined) return [`consumer ${rule.consumer}`];
  if (rule.place !== undefined) return [`place ${rule.place}`];
  return [`detector ${rule.detector}`];
}

function namesSeen(seen: Seen): string[] {
  return [
    `subject ${seen.subject}`,
    `label ${seen.label}`,
    `network ${seen.network}`,
    `consumer ${seen.consumer}`,
    `place ${seen.country}`,
    `detector ${seen.detector}`,
  ];
}

function covers(rule: Rule, seen: Seen): boolean {
  const meets = (name: Exclude<keyof Criteria, 'place'>): boolean =>
    rule[name] === undefined || rule[name] === seen[name];
  return (
    meets('subject') && meets('label') && meets('consumer') && meets('detector') && isAt(rule, seen)
  );
}

function isAt({ place, networks }: Rule, seen: Seen): boolean {
  if (networks !== undefined) return seen.network !== 0 && networks.includes(seen.network);
  return place === undefined || place === seen.country;
}
