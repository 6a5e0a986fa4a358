/** What the engine has to say since the last checkpoint. Empty and inert when nobody takes checkpoints. */
import type { ApiEvent } from '../../core/event.ts';
import type { Finding, FindingInputs, Incident } from '../../core/finding.ts';
import type { UsageRow } from '../../core/store.ts';
import type { Header } from './judge.ts';

const HOUR_MS = 3_600_000;
const DIGEST_BYTES = 16;
const DIGESTS_BYTES = 256 * DIGEST_BYTES;

export class Outbox {
  findings = new Map<string, Finding>();
  incidents = new Map<string, Incident>();
  inputs: FindingInputs[] = [];
  usage: UsageRow[] = [];
  removed: Uint8Array[] = [];
  /** Of many rows of usage: a buffer of its own for each would cost more than all else of it. */
  private digests = new DataView(new ArrayBuffer(0));
  private digestsAt = DIGESTS_BYTES;
  private readonly durable: boolean;
  private readonly onInputs: ((inputs: FindingInputs) => void) | undefined;

  constructor(durable: boolean, onInputs?: (inputs: FindingInputs) => void) {
    this.durable = durable;
    this.onInputs = onInputs;
  }

  get size(): number {
    return this.findings.size + this.incidents.size + this.usage.length + this.removed.length;
  }

  finding(finding: Finding): void {
    if (this.durable) this.findings.set(finding.id, finding);
  }

  incident(incident: Incident): void {
    if (this.durable) this.incidents.set(incident.id, incident);
  }

  input(input: FindingInputs): void {
    if (this.durable) this.inputs.push(input);
    this.onInputs?.(input);
  }

  /** Counts an event of the subject whose header it is. */
  use(header: Header, { at, status, bytesIn, bytesOut }: ApiEvent): void {
    const hour = Math.floor(at / HOUR_MS);
    if (hour > header.usageHour) {
      this.hour(header);
      header.usageHour = hour;
      header.usageRequests = 0;
      header.usageErrors = 0;
      header.usageBytesIn = 0;
      header.usageBytesOut = 0;
    }
    header.usageRequests++;
    if (status >= 400) header.usageErrors++;
    if (bytesIn > 0) header.usageBytesIn += bytesIn;
    if (bytesOut > 0) header.usageBytesOut += bytesOut;
  }

  /** The hour the header has counted, before it starts another. */
  hour(header: Header): void {
    if (!this.durable || header.usageRequests === 0) return;
    if (this.digestsAt === DIGESTS_BYTES) {
      this.digests = new DataView(new ArrayBuffer(DIGESTS_BYTES));
      this.digestsAt = 0;
    }
    const { digests, digestsAt } = this;
    digests.setUint32(digestsAt, header.digest0, true);
    digests.setUint32(digestsAt + 4, header.digest1, true);
    digests.setUint32(digestsAt + 8, header.digest2, true);
    digests.setUint32(digestsAt + 12, header.digest3, true);
    const digest = new Uint8Array(digests.buffer, digestsAt, DIGEST_BYTES);
    this.digestsAt += DIGEST_BYTES;
    this.usage.push({
      digest,
      hourAt: header.usageHour * HOUR_MS,
      requests: header.usageRequests,
      errors: header.usageErrors,
      bytesIn: header.usageBytesIn,
      bytesOut: header.usageBytesOut,
    });
  }
}
