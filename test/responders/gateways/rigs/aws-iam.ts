/** IAM with a user who has two access keys. */
import { AWS_CREDENTIALS } from '../../../servers/moto.ts';
import { type AwsAnswer, fakeAws, xml, xmlError } from '../fake-aws.ts';
import { CALL_MS, type Rig, type RigKind } from '../rig.ts';
import { adapterOf } from '../tools.ts';

const ONE = 'AKIAI44QH8DHBEXAMPLE';
const TWO = 'AKIAI44QH8DHBEXAMPL2';
const keyOf = (id: string) => ({ subjectId: `aws:${id}`, credentialId: id });

export const rig: RigKind = {
  kind: 'aws-iam',
  skips: { 'what it made is found by its tag, and can be removed': 'a status carries no tag' },
  async start(): Promise<Rig> {
    const keys = new Map([
      [ONE, 'Active'],
      [TWO, 'Active'],
    ]);
    let isLocked = false;
    const iam = await fakeAws('iam', (call) =>
      isLocked ? xmlError(403, 'AccessDenied') : answer(call, keys),
    );
    return {
      adapter: (timeoutMs = CALL_MS) =>
        adapterOf('aws-iam', {
          ...AWS_CREDENTIALS,
          endpoint: iam.endpoint,
          callsPerSecond: 100,
          timeoutMs,
        }),
      target: keyOf(ONE),
      sibling: keyOf(TWO),
      unknown: keyOf('AKIAI44QH8DHBEXAMPL9'),
      secrets: [AWS_CREDENTIALS.secretAccessKey],
      effect: ({ credentialId = '' }) => ({
        open: keys.get(credentialId) === 'Active',
        limit: null,
      }),
      holds: () => [...keys],
      byHand: () => void keys.set(ONE, 'Active'),
      fail: (fault) => {
        iam.writeFault = fault;
      },
      lockOut: () => {
        isLocked = true;
      },
      violations: () => [],
      close: () => iam.stop(),
    };
  },
};

function answer(call: string, keys: Map<string, string>): AwsAnswer | undefined {
  const form = new URLSearchParams(call.replace(/^POST \/ /, ''));
  const action = form.get('Action') ?? '';
  const id = form.get('AccessKeyId') ?? '';
  if (action !== 'ListAccessKeys' && !keys.has(id)) return xmlError(404, 'NoSuchEntity');
  if (action === 'GetAccessKeyLastUsed') {
    return xml(action, '<UserName>ci</UserName><AccessKeyLastUsed/>');
  }
  if (form.get('UserName') !== 'ci') return xmlError(404, 'NoSuchEntity');
  if (action === 'UpdateAccessKey') {
    keys.set(id, form.get('Status')!);
    return xml(action, '');
  }
  if (action !== 'ListAccessKeys') return undefined;
  const members = [...keys].map(
    ([key, status]) =>
      `<member><UserName>ci</UserName><AccessKeyId>${key}</AccessKeyId><Status>${status}</Status></member>`,
  );
  const list = `<AccessKeyMetadata>${members.join('')}</AccessKeyMetadata>`;
  return xml(action, `${list}<IsTruncated>false</IsTruncated>`);
}
