/**
 * Secrets of AWS Secrets Manager.
 *
 *   ${awssm:NAME#FIELD}  a field of a secret that is JSON        ${awssm:NAME}  its whole text
 *
 * NAME may be an ARN. Credentials are found as all AWS programs find theirs; the region from AWS_REGION,
 * AWS_DEFAULT_REGION or the ARN.
 */
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  type Env,
  type MissingSecret,
  type SecretContent,
  type SecretReader,
  unreachable,
} from './contract.ts';

export function awsSecretReader(env: Env): SecretReader {
  const clients = new Map<string, SecretsManagerClient>();
  return {
    name: 'AWS Secrets Manager',
    async read(secret, signal) {
      const region = /^arn:[\w-]+:secretsmanager:([a-z0-9-]+):/.exec(secret)?.[1] ?? regionOf(env);
      if (region === undefined) {
        return {
          message: `AWS Secrets Manager: the region of ${secret} is not known`,
          hint: 'Set AWS_REGION, or write the secret’s ARN.',
        };
      }
      const sdk = await import('@aws-sdk/client-secrets-manager');
      const client = clients.get(region) ?? new sdk.SecretsManagerClient(settingsOf(env, region));
      clients.set(region, client);
      const command = new sdk.GetSecretValueCommand({ SecretId: secret });
      try {
        const { SecretString } = await client.send(command, { abortSignal: signal });
        if (SecretString !== undefined) return contentOf(SecretString);
      } catch (error) {
        signal.throwIfAborted();
        return missing(secret, error);
      }
      return {
        message: `AWS Secrets Manager: ${secret} is binary`,
        hint: 'Only secrets that are text can be referred to.',
      };
    },
  };
}

function regionOf(env: Env): string | undefined {
  const region = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'];
  return region === '' ? undefined : region;
}

/** What stands in the environment that was given; the SDK looks everywhere else by itself. */
function settingsOf(env: Env, region: string) {
  const endpoint = env['AWS_ENDPOINT_URL_SECRETS_MANAGER'] || env['AWS_ENDPOINT_URL'];
  const accessKeyId = env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'];
  const sessionToken = env['AWS_SESSION_TOKEN'];
  return {
    region,
    maxAttempts: 2,
    ...(endpoint ? { endpoint } : {}),
    ...(accessKeyId && secretAccessKey
      ? {
          credentials: {
            accessKeyId,
            secretAccessKey,
            ...(sessionToken ? { sessionToken } : {}),
          },
        }
      : {}),
  };
}

function contentOf(text: string): SecretContent {
  try {
    const fields: unknown = JSON.parse(text);
    if (typeof fields === 'object' && fields !== null && !Array.isArray(fields)) {
      return { text, fields: fields as Record<string, unknown> };
    }
  } catch {
    // A secret that is one text.
  }
  return { text };
}

/** Only the code of the error: its text may hold account numbers and roles. */
function missing(secret: string, error: unknown): MissingSecret {
  const name = error instanceof Error ? error.name : 'unknown';
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  if (name === 'ResourceNotFoundException') {
    return {
      message: `AWS Secrets Manager: there is no secret ${secret}`,
      hint: 'Is it in the region that is asked (AWS_REGION)?',
    };
  }
  if (name === 'InvalidRequestException') {
    return {
      message: `AWS Secrets Manager: ${secret} cannot be read now (${name})`,
      hint: 'It may be scheduled for deletion.',
    };
  }
  const isBusy = status === undefined || status >= 500 || status === 429 || /Throttl/.test(name);
  if (isBusy && name !== 'CredentialsProviderError') {
    const reason = status === undefined ? ((error as { code?: string }).code ?? name) : status;
    throw unreachable('AWS Secrets Manager', `cannot be reached (${reason})`);
  }
  return {
    message: `AWS Secrets Manager: ${secret} may not be read (${name})`,
    hint: 'The role needs secretsmanager:GetSecretValue on it, and kms:Decrypt on its own key if it has one.',
  };
}
